using System.Globalization;
using Microsoft.Win32.SafeHandles;
using Orchestrator.Linux;
using Orchestrator.Linux.Tapes;
using Orchestrator.Oci.Runtime;
using Orchestrator.Runtime.Containers;
using Orchestrator.Runtime.Planning;
using Orchestrator.Runtime.Relaying;

namespace Orchestrator.Runtime.Verbs;

/// <summary>Runs a command in a running container. The exit code is the command's; 126 or 127 when it cannot run.</summary>
internal static class ExecVerb
{
    private const int NotFound = 127, CannotRun = 126;

    private static readonly string[] s_flags = ["--tty", "-t", "--detach", "-d", "--no-new-privs", "--ignore-paused"];
    private static readonly string[] s_values =
    [
        "--user", "-u", "--additional-gids", "-g", "--cwd", "--env", "-e", "--cap", "-c", "--apparmor", "--process-label", "--cgroup", "--process", "-p",
        "--resize-pipe", "--pid-file", "--console-socket", "--preserve-fds",
    ];

    public static int Run(string root, string[] args)
    {
        Resealing.Ensure();
        var arguments = Arguments.Parse(args, s_flags, s_values, 1);
        var container = new Container(root, arguments.Operand(0, "the container's id"));
        var record = container.RequireRecord();
        using var target = LaunchPipes.MoveUp(container.RequireProcess(record, "exec in"));
        CheckPaused(container, record, arguments);
        var config = container.Config;
        var process = ExecProcess.From(config, arguments);
        var detaches = arguments.Has("--detach", "-d");
        ConsoleSocket.Check(arguments, process.Terminal, detaches);
        var options = LaunchOptions.From(arguments);
        using var terminal = process.Terminal ? ExecTerminal.Open(record.Pid, process.ConsoleSize) : null;
        using var errorPipe = LaunchPipes.Create(options.Preserved);
        using var goPipe = FilterTalk.NeedsAnswers(config) ? LaunchPipes.Create(options.Preserved) : null;
        var facts = ExecGroups.Enter(record, arguments, Facts(container, record, config, options.Streams(errorPipe.Writer.Number(), goPipe?.Reader.Number() ?? -1, goPipe?.Writer.Number() ?? -1)));
        var tape = ExecPlan.Compile(config, process, facts, target.Number(), terminal?.Slave.Number() ?? -1, !detaches);
        using var child = Launch(config, target, tape, facts, record);
        errorPipe.Writer.Dispose();
        terminal?.Slave.Dispose();
        var state = new HookRunner(container.Id, record.Bundle, config, facts).State("running", record.Pid);
        if (FilterTalk.Follow(errorPipe.Reader.Number(), facts.Descriptors.TerminalAnswer, config, child, state) is { } failure)
            throw Refused(tape, failure, process);
        return Follow(arguments, child, terminal, detaches);
    }

    private static LaunchFacts Facts(Container container, ContainerRecord record, RuntimeConfig config, LaunchDescriptors descriptors) =>
        ContainerLaunch.Facts(config, record.Bundle, container.Id, descriptors) with
        {
            CgroupPath = record.CgroupPath,
            ContainerPid = record.Pid,
            Keyring = ContainerLaunch.KeyringOf(container.Id),
        };

    // In a group that stands still the command would never come to its program.
    private static void CheckPaused(Container container, ContainerRecord record, Arguments arguments)
    {
        if (!arguments.Has("--ignore-paused") && Container.FreezerOf(record).IsFrozen)
            throw new RefusedException($"cannot exec in container {container.Id}: it is paused; accepted: resume it first, or --ignore-paused");
    }

    private static int Follow(Arguments arguments, ChildProcess child, ExecTerminal? terminal, bool detaches)
    {
        if (arguments.Value("--pid-file") is { } pidFile)
            File.WriteAllText(pidFile, child.Pid.ToString(CultureInfo.InvariantCulture));
        ConsoleSocket.Send(arguments, terminal?.Master);
        if (detaches)
            return 0;
        using var signals = SignalForwarding.To(child.PidFd);
        if (terminal is not null)
            TerminalRelay.Run(terminal.Master, child.PidFd, arguments.Value("--resize-pipe"));
        return Processes.Reap(child.PidFd).Code;
    }

    private static ChildProcess Launch(RuntimeConfig config, SafeFileHandle target, Tape tape, LaunchFacts facts, ContainerRecord record)
    {
        if (!config.Linux.Namespaces.Any(n => n.Type == "pid"))
            return LaunchInGroup(tape, facts, record);
        // While the next child belongs elsewhere, this thread cannot start threads.
        using var own = FileSystem.Open("/proc/self/ns/pid", OpenFlags.ReadOnly);
        Namespaces.Enter(target, NamespaceKinds.Pid);
        var child = LaunchInGroup(tape, facts, record);
        Namespaces.Enter(own, NamespaceKinds.Pid);
        return child;
    }

    private static ChildProcess LaunchInGroup(Tape tape, LaunchFacts facts, ContainerRecord record)
    {
        try
        {
            return LaunchInGroup(tape, facts);
        }
        // A container that manages groups of its own has moved its processes deeper, and version 2 lets nobody into a group with groups in it.
        catch (LinuxException e) when (e.Errno == Errno.EBUSY && ExecGroups.UnifiedPathOf(record.Pid) is { } deeper)
        {
            return LaunchInGroup(tape, facts with { CgroupPath = deeper });
        }
    }

    private static ChildProcess LaunchInGroup(Tape tape, LaunchFacts facts)
    {
        using var unified = facts.Cgroups.Unified is { } u ? FileSystem.Open(u.Directory(facts.CgroupPath), OpenFlags.Path | OpenFlags.Directory) : null;
        return Launcher.Launch(tape, facts.Descriptors.ErrorPipeNumber, new CloneOptions(CgroupFd: unified?.Number() ?? -1));
    }

    private static RefusedException Refused(Tape tape, TapeFailure failure, ProcessConfig process)
    {
        var isCommand = tape.Steps[failure.StepIndex].Call == Syscall.execve;
        return new RefusedException("exec failed: " + FailureText.Describe(tape, failure, process.Args), isCommand && failure.Errno is Errno.ENOENT or Errno.ENOTDIR ? NotFound : CannotRun);
    }
}
