using System.Collections;
using Orchestrator.Linux;

namespace Orchestrator.Runtime;

/// <summary>Before this program enters a container, it starts over from a read-only mount of itself: see <see cref="ProcessImage.OpenSealed()"/>.</summary>
internal static class Resealing
{
    public static void Ensure()
    {
        if (ProcessImage.IsSealed())
            return;
        using var program = ProcessImage.OpenSealed();
        var environment = Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().Select(e => $"{e.Key}={e.Value}");
        ProcessImage.Execute(program, ["orc-runtime", .. Environment.GetCommandLineArgs().Skip(1)], environment);
    }
}
