using System.Buffers.Binary;
using Orchestrator.Linux;
using Orchestrator.Linux.Tapes;
using Orchestrator.Oci.Runtime;
using static Orchestrator.Runtime.Planning.KernelArguments;

namespace Orchestrator.Runtime.Planning;

/// <summary>From a prepared child to the program: descriptors, terminal, working directory, execve.</summary>
internal sealed class ProcessSteps(Tape tape, ProcessConfig process, LaunchFacts facts, bool underInit = false)
{
    private const string DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    private const int SetMask = 2, ParentDeathSignal = 1, JoinSessionKeyring = 1;

    private LaunchDescriptors Descriptors => facts.Descriptors;

    public void Begin()
    {
        if (Descriptors.ErrorPipe != Descriptors.ErrorPipeNumber)
            tape.Add("", Syscall.dup3, Argument.Named(Descriptors.ErrorPipe, "error-pipe"), Descriptors.ErrorPipeNumber, CloseOnExec);
        tape.Add("", Syscall.setsid);
        if (facts.Keyring is { } keyring)
            tape.Add("", Syscall.keyctl, Argument.Named(JoinSessionKeyring, "JOIN_SESSION_KEYRING"), keyring).Tolerate(Errno.ENOSYS, Errno.EACCES);
        tape.Add("", Syscall.umask, 0);
    }

    public void StandardStreams()
    {
        Replace(Descriptors.Input, 0, "stdin");
        Replace(Descriptors.Output, 1, "stdout");
        Replace(Descriptors.Errors, 2, "stderr");
    }

    /// <summary>A terminal of the container's own devpts. Its master stays behind, for the parent to take.</summary>
    public void Terminal(RootDirectory root)
    {
        const string field = "process.terminal";
        var master = root.Open(field, "/dev/pts/ptmx", OpenFlags.ReadWrite | OpenFlags.NoTerminal);
        tape.Add(field, Syscall.ioctl, master, Argument.Named(0x40045431, "TIOCSPTLCK"), Words(0));
        if (process.ConsoleSize is { } size)
            tape.Add("process.consoleSize", Syscall.ioctl, master, Argument.Named(0x5414, "TIOCSWINSZ"), Words((uint)(size.Height | size.Width << 16), 0));
        var slave = tape.Add(field, Syscall.ioctl, master, Argument.Named(0x5441, "TIOCGPTPEER"), Argument.Flags(OpenFlags.ReadWrite | OpenFlags.NoTerminal));
        tape.Add(field, Syscall.dup3, master, LaunchDescriptors.TerminalInChild, CloseOnExec);
        var console = tape.Add(field, Syscall.open_tree, slave, "", OpenTree(recursive: false, emptyPath: true));
        var place = root.OpenOrMake(field, "/dev/console", isDirectory: false);
        tape.Add(field, Syscall.move_mount, console, "", place, "", MoveByDescriptors);
        Attach(slave, field);
        Report(ChildReports.TerminalReady, field);
        WaitForGo(field);
    }

    /// <summary>The controlling terminal, and all three streams.</summary>
    public void Attach(Argument slave, string field)
    {
        foreach (var stream in (ReadOnlySpan<int>)[0, 1, 2])
            tape.Add(field, Syscall.dup3, slave, stream, 0);
        tape.Add(field, Syscall.ioctl, 0, Argument.Named(0x540E, "TIOCSCTTY"), 0);
        if (process.User.Uid != 0)
            tape.Add(field, Syscall.fchown, 0, process.User.Uid, Argument.Named(uint.MaxValue, "-1"));
    }

    /// <summary>So that a program without privileges can open /dev/stdout again.</summary>
    public void GiveStreams()
    {
        if (process.User.Uid == 0)
            return;
        foreach (var (given, stream) in new[] { (Descriptors.Input, 0), (Descriptors.Output, 1), (Descriptors.Errors, 2) })
        {
            if (given >= 0)
                tape.Add("process.user.uid", Syscall.fchown, stream, process.User.Uid, Argument.Named(uint.MaxValue, "-1")).Tolerate(Errno.EPERM, Errno.EROFS, Errno.EINVAL);
        }
    }

    public void Execute(Step workingDirectory)
    {
        tape.Add("process.cwd", Syscall.fchdir, workingDirectory);
        var candidates = Candidates(process.Args, process.Env);
        if (facts.WaitsForStart || underInit)
            Probe(candidates);
        if (facts.WaitsForStart)
        {
            Report(ChildReports.ReadyToStart, "start");
            WaitForGo("start");
        }
        // Really closed, not left to execve: /proc/self/fd could lead the program's path or links out of the root.
        tape.Add("", Syscall.close_range, Descriptors.ErrorPipeNumber + 1, Argument.Named(uint.MaxValue, "max"), 0);
        foreach (var signal in (ReadOnlySpan<int>)[Signals.Hangup, Signals.Interrupt, 3, Signals.Pipe, Signals.Terminate, Signals.Child])
            tape.Add("", Syscall.rt_sigaction, Argument.Named(signal, Signals.Name(signal)), Argument.Of(new byte[32], "SIG_DFL"), Argument.Null, SignalSet.Size);
        tape.Add("", Syscall.rt_sigprocmask, Argument.Named(SetMask, "SIG_SETMASK"), underInit ? SignalSet.Forwardable : SignalSet.Empty, Argument.Null, SignalSet.Size);
        if (underInit)
            Execute([InitSteps.Path], InitSteps.Arguments(process.Args));
        else
            Execute(candidates, process.Args);
    }

    /// <summary>Ends the process when its launcher ends, for a command that has nobody else to wait for it.</summary>
    public void EndWithParent() =>
        tape.Add("", Syscall.prctl, Argument.Named(ParentDeathSignal, "PR_SET_PDEATHSIG"), Argument.Named(Signals.Kill, "SIGKILL"), 0, 0, 0);

    /// <summary>The paths to try: args[0] itself, or behind each directory of PATH.</summary>
    public static string[] Candidates(IReadOnlyList<string> args, IEnumerable<string> environment)
    {
        if (args.Count == 0 || args[0].Length == 0)
            throw new RuntimeConfigException("process.args", "is empty; accepted: a command and its arguments");
        if (args[0].Contains('/', StringComparison.Ordinal))
            return [args[0]];
        var path = environment.LastOrDefault(e => e.StartsWith("PATH=", StringComparison.Ordinal))?[5..] ?? DefaultPath;
        return [.. path.Split(':').Select(d => (d.Length == 0 ? "." : d.TrimEnd('/')) + "/" + args[0])];
    }

    // In the split lifecycle a missing program is create's error, not start's.
    private void Probe(string[] candidates)
    {
        const int executable = 1;
        var probes = new List<(Step Access, Step IsDirectory)>();
        foreach (var candidate in candidates)
        {
            var access = tape.Add("process.args", Syscall.faccessat, HereDirectory, candidate, executable);
            // Asked without a descriptor: the limit on their number is in force already.
            var isDirectory = tape.Add("process.args", Syscall.faccessat, HereDirectory, candidate + "/.", 0);
            // A directory can be entered, which the access call takes for executable; execve says what is wrong with it.
            var refusal = tape.Add("process.args", Syscall.execve, candidate, Argument.Of([]), Argument.Of([]));
            if (candidate != candidates[^1])
            {
                access.OnError(tape.End, Errno.ENOENT, Errno.ENOTDIR, Errno.EACCES);
                refusal.Tolerate(Errno.EACCES);
            }
            probes.Add((access, isDirectory));
        }
        foreach (var (_, isDirectory) in probes)
            isDirectory.OnError(tape.End, Errno.ENOTDIR);
    }

    private void Execute(string[] candidates, IReadOnlyList<string> args) => Execute(tape, candidates, args,
        Descriptors.Listening == 0 ? process.Env : [.. process.Env, $"LISTEN_FDS={Descriptors.Listening}", "LISTEN_PID=1"]);

    public static void Execute(Tape tape, string[] candidates, IReadOnlyList<string> args, IEnumerable<string> env)
    {
        var arguments = Argument.Of(args);
        var environment = Argument.Of(env);
        foreach (var candidate in candidates)
        {
            var step = tape.Add("process.args", Syscall.execve, candidate, arguments, environment);
            if (candidate != candidates[^1])
                step.Tolerate(Errno.ENOENT, Errno.ENOTDIR, Errno.EACCES);
        }
    }

    private void Report(long kind, string field)
    {
        var report = new byte[16];
        BinaryPrimitives.WriteInt64LittleEndian(report, kind);
        tape.Add(field, Syscall.write, Descriptors.ErrorPipeNumber, Argument.Of(report, kind == ChildReports.ReadyToStart ? "ready" : "terminal"), report.Length);
    }

    private void WaitForGo(string field) =>
        tape.Add(field, Syscall.read, Argument.Named(Descriptors.GoPipe, "go-pipe"), Argument.Of(new byte[1], "{1 byte}"), 1);

    private void Replace(int descriptor, int stream, string name)
    {
        if (descriptor >= 0 && descriptor != stream)
            tape.Add("", Syscall.dup3, Argument.Named(descriptor, name), stream, 0);
    }
}
