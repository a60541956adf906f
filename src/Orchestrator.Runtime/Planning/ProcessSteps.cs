using Orchestrator.Linux;
using Orchestrator.Linux.Tapes;
using Orchestrator.Oci.Runtime;
using static Orchestrator.Runtime.Planning.KernelArguments;

namespace Orchestrator.Runtime.Planning;

/// <summary>From a prepared child to the program: descriptors, terminal, working directory, execve.</summary>
/// <param name="program">Another program than args[0] names.</param>
internal sealed class ProcessSteps(Tape tape, ProcessConfig process, LaunchFacts facts, bool underInit = false, string? program = null)
{
    private const string DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    private const int SetMask = 2, ParentDeathSignal = 1, JoinSessionKeyring = 1;

    private readonly ReportSteps _reports = new(tape, facts);

    private LaunchDescriptors Descriptors => facts.Descriptors;

    public static void Begin(Tape tape, LaunchFacts facts)
    {
        if (facts.Descriptors.ErrorPipe != facts.Descriptors.ErrorPipeNumber)
            tape.Add("", Syscall.dup3, Argument.Named(facts.Descriptors.ErrorPipe, "error-pipe"), facts.Descriptors.ErrorPipeNumber, CloseOnExec);
        if (facts.Keyring is { } keyring)
            tape.Add("", Syscall.keyctl, Argument.Named(JoinSessionKeyring, "JOIN_SESSION_KEYRING"), keyring).Tolerate(Errno.ENOSYS, Errno.EACCES);
        tape.Add("", Syscall.umask, 0);
    }

    /// <summary>Programs expect HOME; when nobody set it, it is what the image says of the user.</summary>
    public static ProcessConfig WithHome(ProcessConfig process, LaunchFacts facts) =>
        process.Env.Any(e => e.StartsWith("HOME=", StringComparison.Ordinal)) ? process
        : process with { Env = [.. process.Env, "HOME=" + (facts.HomeOf(process.User.Uid) is { Length: > 0 } home ? home : "/")] };

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
        root.Attach(console, "/dev/console", isDirectory: false, field, onLinks: false);
        Attach(slave, field);
        _reports.Ask(ChildReports.TerminalReady, field);
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
    public void GiveStreams(bool inUserNamespace)
    {
        if (process.User.Uid == 0 && !inUserNamespace)
            return;
        foreach (var (given, stream) in new[] { (Descriptors.Input, 0), (Descriptors.Output, 1), (Descriptors.Errors, 2) })
        {
            if (given >= 0)
                tape.Add("process.user.uid", Syscall.fchown, stream, process.User.Uid, Argument.Named(uint.MaxValue, "-1")).Tolerate(Errno.EPERM, Errno.EROFS, Errno.EINVAL);
        }
    }

    /// <param name="startHooks">Stops a last time, for hooks that belong before the program.</param>
    public void Execute(bool startHooks = false)
    {
        string[] candidates = program is null ? Candidates(process.Args, process.Env) : [program];
        if (facts.WaitsForStart || underInit)
            Probe(candidates);
        if (facts.WaitsForStart)
            _reports.Ask(ChildReports.ReadyToStart, "start");
        else if (startHooks)
            _reports.Ask(ChildReports.StartHooks, "hooks.startContainer");
        // Really closed, not left to execve: /proc/self/fd could lead the program's path or links out of the root.
        tape.Add("", Syscall.close_range, Descriptors.ErrorPipeNumber + 1, Argument.Named(uint.MaxValue, "max"), 0);
        ResetSignals(tape, underInit ? SignalSet.Forwardable : SignalSet.Empty);
        if (underInit)
            Execute([InitSteps.Path], InitSteps.Arguments(process.Args));
        else
            Execute(candidates, process.Args);
    }

    /// <summary>What a managed process ignores or blocks is not for its children to inherit.</summary>
    public static void ResetSignals(Tape tape, Argument blocked)
    {
        foreach (var signal in (ReadOnlySpan<int>)[Signals.Hangup, Signals.Interrupt, 3, Signals.Pipe, Signals.Terminate, Signals.Child])
            tape.Add("", Syscall.rt_sigaction, Argument.Named(signal, Signals.Name(signal)), Argument.Of(new byte[32], "SIG_DFL"), Argument.Null, SignalSet.Size);
        tape.Add("", Syscall.rt_sigprocmask, Argument.Named(SetMask, "SIG_SETMASK"), blocked, Argument.Null, SignalSet.Size);
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

    private void Replace(int descriptor, int stream, string name)
    {
        if (descriptor >= 0 && descriptor != stream)
            tape.Add("", Syscall.dup3, Argument.Named(descriptor, name), stream, 0);
    }
}
