using System.Globalization;
using Orchestrator.Linux;
using Orchestrator.Linux.Tapes;
using Orchestrator.Runtime.Containers;
using Orchestrator.Runtime.Planning;
using Orchestrator.Runtime.Relaying;

namespace Orchestrator.Runtime.Verbs;

/// <summary>A container in the foreground: signals go to it, its exit code is ours, and it is deleted at the end.</summary>
internal static class RunVerb
{
    public static int Run(string root, string[] args)
    {
        var arguments = Arguments.Parse(args, ["--detach", "-d", "--keep"], ["--bundle", "-b", "--pid-file", "--console-socket"], 1);
        var container = new Container(root, arguments.Operand(0, "the container's id"));
        var bundle = Path.GetFullPath(arguments.Value("--bundle", "-b") ?? ".");
        using var errorPipe = LaunchPipes.Create();
        using var goPipe = LaunchPipes.Create();
        var launch = new ContainerLaunch(container, bundle, Container.ReadConfig(bundle), ProcessImage.Path);
        using var child = launch.Start(errorPipe, new LaunchDescriptors(errorPipe.Writer.Number(), goPipe.Reader.Number(), goPipe.Writer.Number()));
        if (arguments.Value("--pid-file") is { } pidFile)
            File.WriteAllText(pidFile, child.Pid.ToString(CultureInfo.InvariantCulture));
        if (launch.Terminal is { } master && arguments.Value("--console-socket") is { } socket)
            UnixSocket.SendDescriptor(socket, master.Number(), "/dev/pts/ptmx");
        if (arguments.Has("--detach", "-d"))
            return 0;
        var exitCode = Follow(launch, child);
        if (!arguments.Has("--keep"))
            DeleteVerb.Delete(container, force: true);
        return exitCode;
    }

    private static int Follow(ContainerLaunch launch, ChildProcess child)
    {
        using var signals = SignalForwarding.To(child.PidFd);
        if (launch.Terminal is { } terminal)
            TerminalRelay.Run(terminal, child.PidFd, resizePipe: null);
        return Processes.Reap(child.PidFd).Code;
    }
}
