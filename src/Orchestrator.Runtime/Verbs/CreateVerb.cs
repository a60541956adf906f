using System.Globalization;
using Orchestrator.Linux;
using Orchestrator.Linux.Tapes;
using Orchestrator.Runtime.Containers;

namespace Orchestrator.Runtime.Verbs;

/// <summary>The first half of the OCI lifecycle: all is made, and the process waits just before its program.</summary>
internal static class CreateVerb
{
    public static int Run(string root, string[] args)
    {
        var arguments = Arguments.Parse(args, ["--no-pivot", "--no-new-keyring"], ["--bundle", "-b", "--pid-file", "--console-socket", "--preserve-fds"], 1);
        if (arguments.Has("--no-pivot") || arguments.Value("--preserve-fds") is { } count && count != "0")
            throw new UsageException("--no-pivot and --preserve-fds are not supported");
        var container = new Container(root, arguments.Operand(0, "the container's id"));
        var bundle = Path.GetFullPath(arguments.Value("--bundle", "-b") ?? ".");
        var launch = new ContainerLaunch(container, bundle, Container.ReadConfig(bundle), ProcessImage.Path);
        using var child = launch.StartWaiting();
        if (launch.Terminal is { } terminal)
            UnixSocket.SendDescriptor(arguments.Value("--console-socket") ?? throw new UsageException("process.terminal needs --console-socket"), terminal.Number(), "/dev/pts/ptmx");
        if (arguments.Value("--pid-file") is { } pidFile)
            File.WriteAllText(pidFile, child.Pid.ToString(CultureInfo.InvariantCulture));
        return 0;
    }
}

internal static class StartVerb
{
    private const int TimeoutMs = 60_000;

    public static int Run(string root, string[] args)
    {
        var container = new Container(root, Arguments.Parse(args, [], [], 1).Operand(0, "the container's id"));
        var record = container.RequireRecord();
        using var process = Container.OpenProcess(record);
        if (process is null || !File.Exists(container.GoPipePath))
            throw new RefusedException($"container {container.Id} is {container.State().Status}; accepted: created");
        using var errors = FileSystem.Open(container.ErrorPipePath, OpenFlags.ReadOnly | OpenFlags.NonBlocking);
        using (var go = FileSystem.Open(container.GoPipePath, OpenFlags.WriteOnly | OpenFlags.NonBlocking))
            FileDescriptors.Write(go.Number(), "."u8);
        FileDescriptors.Poll(errors.Number(), PollEvents.Readable, TimeoutMs);
        var failure = Launcher.ReadFailure(errors.Number());
        FileSystem.Remove(container.GoPipePath);
        FileSystem.Remove(container.ErrorPipePath);
        if (failure is { } reported)
            throw new RefusedException(FailureText.Execution(Container.ReadConfig(record.Bundle).Process!.Args[0], reported.Errno));
        return 0;
    }
}
