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

    private static readonly string[] s_flags = ["--tty", "-t", "--detach", "-d"];
    private static readonly string[] s_values =
        ["--user", "-u", "--cwd", "--env", "-e", "--resize-pipe", "--process", "-p", "--pid-file", "--console-socket"];

    public static int Run(string root, string[] args)
    {
        Resealing.Ensure(root, "exec", args);
        var arguments = Arguments.Parse(args, s_flags, s_values, 1);
        var container = new Container(root, arguments.Operand(0, "the container's id"));
        var record = container.RequireRecord();
        using var target = LaunchPipes.MoveUp(Container.OpenProcess(record) ?? throw new RefusedException($"container {container.Id} is not running"));
        var config = Container.ReadConfig(record.Bundle);
        var process = Process(config, arguments);
        using var terminal = process.Terminal ? ExecTerminal.Open(record.Pid) : null;
        using var errorPipe = LaunchPipes.Create();
        var facts = ContainerLaunch.Facts(config, record.Bundle, container.Id, new LaunchDescriptors(errorPipe.Writer.Number(), -1)) with { CgroupPath = record.CgroupPath };
        var tape = ExecPlan.Compile(config, process, facts, target.Number(), terminal?.Slave.Number() ?? -1, !arguments.Has("--detach", "-d"));
        using var child = Launch(config, target, tape, facts);
        errorPipe.Writer.Dispose();
        terminal?.Slave.Dispose();
        if (Launcher.ReadFailure(errorPipe.Reader.Number()) is { } failure)
            return Fail(tape, failure, process);
        return Follow(arguments, child, terminal);
    }

    private static int Follow(Arguments arguments, ChildProcess child, ExecTerminal? terminal)
    {
        if (arguments.Value("--pid-file") is { } pidFile)
            File.WriteAllText(pidFile, child.Pid.ToString(CultureInfo.InvariantCulture));
        if (terminal is not null && arguments.Value("--console-socket") is { } socket)
            UnixSocket.SendDescriptor(socket, terminal.Master.Number(), "/dev/pts/ptmx");
        if (arguments.Has("--detach", "-d"))
            return 0;
        using var signals = SignalForwarding.To(child.PidFd);
        if (terminal is not null)
            TerminalRelay.Run(terminal.Master, child.PidFd, arguments.Value("--resize-pipe"));
        return Processes.Reap(child.PidFd).Code;
    }

    private static ChildProcess Launch(RuntimeConfig config, SafeFileHandle target, Tape tape, LaunchFacts facts)
    {
        using var unified = facts.Cgroups.Unified is { } u ? FileSystem.Open(u.Directory(facts.CgroupPath), OpenFlags.Path | OpenFlags.Directory) : null;
        var options = new CloneOptions(CgroupFd: unified?.Number() ?? -1);
        if (!config.Linux.Namespaces.Any(n => n.Type == "pid"))
            return Launcher.Launch(tape, LaunchDescriptors.ErrorPipeInChild, options);
        // While the next child belongs elsewhere, this thread cannot start threads.
        using var own = FileSystem.Open("/proc/self/ns/pid", OpenFlags.ReadOnly);
        Namespaces.Enter(target, NamespaceKinds.Pid);
        var child = Launcher.Launch(tape, LaunchDescriptors.ErrorPipeInChild, options);
        Namespaces.Enter(own, NamespaceKinds.Pid);
        return child;
    }

    private static int Fail(Tape tape, TapeFailure failure, ProcessConfig process)
    {
        FileDescriptors.Write(2, $"orc-runtime: {FailureText.Describe(tape, failure, process.Args)}\n");
        var isCommand = tape.Steps[failure.StepIndex].Call == Syscall.execve;
        return isCommand && failure.Errno is Errno.ENOENT or Errno.ENOTDIR ? NotFound : CannotRun;
    }

    private static ProcessConfig Process(RuntimeConfig config, Arguments arguments)
    {
        if (arguments.Value("--process", "-p") is { } file)
            return ProcessConfig.Parse(File.ReadAllBytes(file));
        var process = config.Process!;
        if (arguments.Rest.Count == 0)
            throw new UsageException("the command is missing");
        return process with
        {
            Terminal = arguments.Has("--tty", "-t"),
            Args = arguments.Rest,
            Env = [.. process.Env, .. arguments.Values("--env", "-e")],
            Cwd = arguments.Value("--cwd") ?? process.Cwd,
            User = arguments.Value("--user", "-u") is { } user ? User(user) : process.User,
        };
    }

    private static UserConfig User(string text)
    {
        var parts = text.Split(':');
        if (parts.Length > 2 || !uint.TryParse(parts[0], out var uid))
            throw new UsageException($"--user: \"{text}\" is no user; accepted: UID or UID:GID");
        var gid = 0u;
        if (parts.Length == 2 && !uint.TryParse(parts[1], out gid))
            throw new UsageException($"--user: \"{text}\" is no user; accepted: UID or UID:GID");
        return new UserConfig { Uid = uid, Gid = gid };
    }
}
