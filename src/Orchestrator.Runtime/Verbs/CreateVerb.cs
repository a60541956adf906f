using System.Globalization;
using System.Runtime.InteropServices;
using Orchestrator.Linux;
using Orchestrator.Linux.Tapes;
using Orchestrator.Runtime.Containers;
using Orchestrator.Runtime.Planning;

namespace Orchestrator.Runtime.Verbs;

/// <summary>The first half of the OCI lifecycle: all is made, and the process waits just before its program.</summary>
internal static class CreateVerb
{
    public static int Run(string root, string[] args)
    {
        var arguments = Arguments.Parse(args, LaunchOptions.Flags, LaunchOptions.Values, 1);
        var container = new Container(root, arguments.Operand(0, "the container's id"));
        var bundle = Path.GetFullPath(arguments.Value("--bundle", "-b") ?? ".");
        var config = Container.ReadConfig(bundle);
        ConsoleSocket.Check(arguments, config.Process?.Terminal == true, staysBehind: true);
        var launch = new ContainerLaunch(container, bundle, config, ProcessImage.Path) { Options = LaunchOptions.From(arguments) };
        using var child = launch.StartWaiting();
        Announce(arguments, container, launch, child);
        return 0;
    }

    /// <summary>A caller that cannot be told about its container does not get one.</summary>
    public static void Announce(Arguments arguments, Container container, ContainerLaunch launch, ChildProcess child)
    {
        try
        {
            ConsoleSocket.Send(arguments, launch.Terminal);
            if (arguments.Value("--pid-file") is { } pidFile)
                File.WriteAllText(pidFile, child.Pid.ToString(CultureInfo.InvariantCulture));
        }
        catch (Exception e) when (Program.IsRefusal(e))
        {
            DeleteVerb.Delete(container, force: true);
            throw;
        }
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
            throw new RefusedException($"cannot start container {container.Id}: it is {container.State().Status}; accepted: created");
        var config = container.Config;
        var hooks = new HookRunner(container.Id, record.Bundle, config, ContainerLaunch.Facts(config, record.Bundle, container.Id, new LaunchDescriptors(-1, -1)) with { CgroupPath = record.CgroupPath });
        RunOrEnd(process, () => hooks.RunStart(record.Pid));
        using var errors = FileSystem.Open(container.ErrorPipePath, OpenFlags.ReadOnly | OpenFlags.NonBlocking);
        using (var go = FileSystem.Open(container.GoPipePath, OpenFlags.WriteOnly | OpenFlags.NonBlocking))
            FileDescriptors.Write(go.Number(), "."u8);
        FileDescriptors.Poll(errors.Number(), PollEvents.Readable, TimeoutMs);
        var failure = Launcher.ReadFailure(errors.Number());
        FileSystem.Remove(container.GoPipePath);
        FileSystem.Remove(container.ErrorPipePath);
        if (failure is { } reported)
        {
            // A caller that hears of the failure asks for the end at once, and must find it.
            Processes.WaitForExit(process, TimeoutMs);
            throw new RefusedException(FailureText.Execution(config.Process!.Args[0], reported.Errno));
        }
        RunOrEnd(process, () => hooks.Run(config.Hooks?.Poststart ?? [], "hooks.poststart", "running", record.Pid));
        return 0;
    }

    // A container whose hooks failed must not go on.
    private static void RunOrEnd(SafeHandle process, Action hooks)
    {
        try
        {
            hooks();
        }
        catch (RefusedException)
        {
            Processes.Signal(process, Signals.Kill);
            throw;
        }
    }
}
