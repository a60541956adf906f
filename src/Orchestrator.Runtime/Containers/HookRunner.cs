using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;
using Orchestrator.Linux;
using Orchestrator.Linux.Tapes;
using Orchestrator.Oci.Runtime;
using Orchestrator.Runtime.Planning;

namespace Orchestrator.Runtime.Containers;

/// <summary>Runs hooks one by one: the container's state on standard input, the hook's environment and no other, an end to its time.</summary>
internal sealed class HookRunner(string id, string bundle, RuntimeConfig config, LaunchFacts facts)
{
    private const int OutputMax = 2048;

    public HookState State(string status, int pid) => new() { Id = id, Status = status, Pid = pid, Bundle = bundle, Annotations = config.Annotations };

    /// <summary>In the runtime's namespaces.</summary>
    /// <exception cref="RefusedException">A hook could not run, failed, or took too long; the later ones were not run.</exception>
    public void Run(IReadOnlyList<HookConfig> hooks, string field, string status, int pid)
    {
        for (var i = 0; i < hooks.Count; i++)
        {
            using var process = new HookProcess(hooks[i], $"{field}[{i}]", Serialize(State(status, pid)));
            process.Run(HookPlan.Compile(hooks[i], process.Descriptors), Launcher.Launch);
        }
    }

    /// <summary>Goes on after a failure, and says it.</summary>
    public void RunPoststop()
    {
        var hooks = config.Hooks?.Poststop ?? [];
        for (var i = 0; i < hooks.Count; i++)
        {
            try
            {
                using var process = new HookProcess(hooks[i], $"hooks.poststop[{i}]", Serialize(State("stopped", 0)));
                process.Run(HookPlan.Compile(hooks[i], process.Descriptors), Launcher.Launch);
            }
            catch (RefusedException e)
            {
                FileDescriptors.Write(2, $"orc-runtime: warning: {e.Message}\n");
            }
        }
    }

    /// <summary>In the container's namespaces, where the root is still the host's.</summary>
    public void RunCreateContainer(int pid)
    {
        var hooks = config.Hooks?.CreateContainer ?? [];
        for (var i = 0; i < hooks.Count; i++)
        {
            using var target = LaunchPipes.MoveUp(Processes.OpenPidFd(pid));
            using var process = new HookProcess(hooks[i], $"hooks.createContainer[{i}]", Serialize(State("creating", PidInside(pid))));
            process.Run(HookPlan.Compile(hooks[i], process.Descriptors, config, target.Number()), Entering(target));
        }
    }

    /// <summary>In the container, as its process: what the image brings to run here must not be able to do more than that.</summary>
    public void RunStart(int pid)
    {
        var hooks = config.Hooks?.StartContainer ?? [];
        for (var i = 0; i < hooks.Count; i++)
        {
            using var target = LaunchPipes.MoveUp(Processes.OpenPidFd(pid));
            using var process = new HookProcess(hooks[i], $"hooks.startContainer[{i}]", Serialize(State("created", PidInside(pid))), FilterTalk.NeedsAnswers(config));
            var hook = hooks[i];
            var inside = config.Process! with { Args = hook.Args.Count > 0 ? hook.Args : [hook.Path], Env = hook.Env, Terminal = false };
            var tape = ExecPlan.Compile(config, inside, facts with { Descriptors = process.Descriptors, WaitsForStart = false, ContainerPid = pid }, target.Number(), -1, endsWithParent: false, hook.Path);
            process.Run(tape, Entering(target), (errorPipe, answer, child) => FilterTalk.Follow(errorPipe, answer, config, child, State("creating", pid)));
        }
    }

    // A process cannot enter a pid namespace, only its children can.
    private Func<Tape, int, CloneOptions, ChildProcess> Entering(SafeFileHandle target) => (tape, errorPipe, options) =>
        config.Linux.Namespaces.Any(n => n.Type == "pid") ? Namespaces.CloneInto(target, () => Launcher.Launch(tape, errorPipe, options)) : Launcher.Launch(tape, errorPipe, options);

    private static int PidInside(int pid) => int.Parse(
        File.ReadLines($"/proc/{pid}/status").First(l => l.StartsWith("NSpid:", StringComparison.Ordinal)).Split('\t')[^1], CultureInfo.InvariantCulture);

    private static byte[] Serialize(HookState state) => JsonSerializer.SerializeToUtf8Bytes(state, ContainerJson.Default.HookState);

    /// <summary>One hook's process and what it reads and writes.</summary>
    private sealed class HookProcess : IDisposable
    {
        private readonly HookConfig _hook;
        private readonly string _field;
        private readonly Pipe _errorPipe = LaunchPipes.Create();
        private readonly Pipe? _goPipe;
        private readonly SafeFileHandle _input, _output;

        public HookProcess(HookConfig hook, string field, byte[] state, bool needsAnswers = false)
        {
            _goPipe = needsAnswers ? LaunchPipes.Create() : null;
            (_hook, _field) = (hook, field);
            _input = LaunchPipes.MoveUp(MemoryFile.Create("state", state));
            _output = LaunchPipes.MoveUp(MemoryFile.Create("output"));
        }

        public LaunchDescriptors Descriptors => new(
            _errorPipe.Writer.Number(), _goPipe?.Reader.Number() ?? -1, _goPipe?.Writer.Number() ?? -1, _input.Number(), _output.Number(), _output.Number());

        /// <param name="follow">Answers the child until it runs its program or fails; null: it asks nothing.</param>
        public void Run(Tape tape, Func<Tape, int, CloneOptions, ChildProcess> launch, Func<int, int, ChildProcess, TapeFailure?>? follow = null)
        {
            using var child = launch(tape, LaunchDescriptors.ErrorPipeInChild, new CloneOptions());
            _errorPipe.Writer.Dispose();
            var errorPipe = _errorPipe.Reader.Number();
            if ((follow is null ? Launcher.ReadFailure(errorPipe) : follow(errorPipe, _goPipe?.Writer.Number() ?? -1, child)) is { } failure)
            {
                Processes.Reap(child.PidFd);
                throw new RefusedException($"{_field}: {FailureText.Describe(tape, failure, [_hook.Path])}");
            }
            var inTime = Processes.WaitForExit(child.PidFd, _hook.Timeout is { } seconds ? (int)Math.Min(seconds * 1000L, int.MaxValue) : -1);
            if (!inTime)
                Processes.Signal(child.PidFd, Signals.Kill);
            var status = Processes.Reap(child.PidFd);
            if (!inTime)
                throw new RefusedException($"{_field}: {_hook.Path} has not ended within {_hook.Timeout} s{Output()}");
            if (status.Code != 0)
                throw new RefusedException($"{_field}: {_hook.Path} ended with {(status.Signal != 0 ? Signals.Name(status.Signal) : status.Code)}{Output()}");
        }

        public void Dispose()
        {
            _errorPipe.Dispose();
            _goPipe?.Dispose();
            _input.Dispose();
            _output.Dispose();
        }

        private string Output() => Encoding.UTF8.GetString(MemoryFile.Read(_output, OutputMax)).Trim() is { Length: > 0 } text ? $": {text}" : "";
    }
}
