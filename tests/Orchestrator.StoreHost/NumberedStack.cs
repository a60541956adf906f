using System.Globalization;
using Orchestrator.Model;

namespace Orchestrator.StoreHost;

/// <summary>The change that tests and bench write: a stack that holds a number, padded to about the size that is asked for.</summary>
public static class NumberedStack
{
    private const string Label = "number";

    public static Change Put(string stack, long number, string requestId, int padding = 0)
    {
        var volume = new VolumeSpec { Name = "v", Labels = { [Label] = number.ToString(CultureInfo.InvariantCulture) } };
        if (padding > 0)
            volume.Labels["padding"] = new string('x', padding);
        return new()
        {
            RequestId = requestId,
            NowMs = number,
            Operations = { new Operation { PutStack = new() { Spec = new() { Name = stack, Volumes = { volume } } } } },
        };
    }

    public static long NumberOf(Stack stack) => long.Parse(stack.Spec.Volumes[0].Labels[Label], CultureInfo.InvariantCulture);
}
