using System.Globalization;
using Microsoft.Win32.SafeHandles;
using Orchestrator.Linux;
using Orchestrator.Runtime.Containers;
using Orchestrator.Runtime.Supervision;

namespace Orchestrator.Runtime.Verbs;

/// <summary>
/// The supervisor's second life. Starting a container leaves a managed heap three times the size of what waiting needs, so the supervisor
/// executes itself again: the same process, still the container's parent, with the descriptors that it needs.
/// </summary>
internal static class KeepVerb
{
    public const string Name = "keep";

    /// <summary>Returns only by an exception.</summary>
    public static void Become(string root, string id, string log, long logMaxBytes, int logFiles, SafeFileHandle child, int[] streams)
    {
        foreach (var descriptor in streams.Append(child.Number()))
            FileDescriptors.SetCloseOnExec(descriptor, false);
        using var program = FileSystem.Open("/proc/self/exe", OpenFlags.Path);
        ProcessImage.Execute(program, ["orc-runtime", "--root", root, Name, id, log, Text(logMaxBytes), Text(logFiles), Text(child.Number()), .. streams.Select(s => Text(s))], []);
    }

    public static int Run(string root, string[] args)
    {
        using var log = new ContainerLog(args[1], Number(args[2]), (int)Number(args[3]));
        using var child = new SafeFileHandle((nint)Number(args[4]), true);
        int[] descriptors = [.. args.Skip(5).Select(a => (int)Number(a))];
        var names = new[] { "stdout", "stderr" };
        new Supervisor(new Container(root, args[0]), child).Run([.. descriptors.Select((_, i) => new StreamLines(names[i], log))], descriptors);
        return 0;
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);
}
