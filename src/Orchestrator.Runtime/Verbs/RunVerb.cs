using Orchestrator.Linux;
using Orchestrator.Linux.Tapes;
using Orchestrator.Runtime.Containers;
using Orchestrator.Runtime.Relaying;

namespace Orchestrator.Runtime.Verbs;

/// <summary>A container in the foreground: signals go to it, its exit code is ours, and it is deleted at the end.</summary>
internal static class RunVerb
{
    public static int Run(string root, string[] args)
    {
        var arguments = Arguments.Parse(args, ["--detach", "-d", "--keep", .. LaunchOptions.Flags], LaunchOptions.Values, 1);
        var container = new Container(root, arguments.Operand(0, "the container's id"));
        var bundle = Path.GetFullPath(arguments.Value("--bundle", "-b") ?? ".");
        var options = LaunchOptions.From(arguments);
        var config = Container.ReadConfig(bundle);
        ConsoleSocket.Check(arguments, config.Process?.Terminal == true, arguments.Has("--detach", "-d"));
        using var errorPipe = LaunchPipes.Create(options.Preserved);
        using var goPipe = LaunchPipes.Create(options.Preserved);
        var launch = new ContainerLaunch(container, bundle, config, ProcessImage.Path) { Options = options };
        using var child = launch.Start(errorPipe, options.Streams(errorPipe.Writer.Number(), goPipe.Reader.Number(), goPipe.Writer.Number()));
        CreateVerb.Announce(arguments, container, launch, child);
        if (arguments.Has("--detach", "-d"))
            return 0;
        var exitCode = Follow(launch, child);
        // Who deletes it meanwhile has done all of this.
        if (!arguments.Has("--keep") && container.Exists)
            DeleteVerb.Remove(container, launch.Record!, config);
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
