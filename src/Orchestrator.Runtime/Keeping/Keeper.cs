using Microsoft.Win32.SafeHandles;
using Orchestrator.Keeping;
using Orchestrator.Linux;
using Orchestrator.Linux.Cgroups;

namespace Orchestrator.Runtime.Keeping;

/// <summary>
/// What owns the containers of one engine while engines come and go: parent of their first processes, writer of their logs, holder of their
/// terminals. One thread does all but writing to the disk; it waits for nobody.
/// </summary>
internal sealed class Keeper : IDisposable
{
    private const int IdleMs = 1000, QuietMs = 1000;

    /// <summary>Garbage is collected by this measure and not by the machine's: a crash loop must not make the keeper grow.</summary>
    private const long CollectEveryBytes = 256 * 1024;

    private static readonly byte[] s_message = new byte[KeeperProtocol.MessageMax];

    private readonly KeeperOptions _options;
    private readonly Dictionary<string, KeptContainer> _containers = new(StringComparer.Ordinal);
    private readonly Dictionary<int, KeptContainer> _byPid = [];

    // Ends that came before the news of the start.
    private readonly Dictionary<int, ExitStatus> _early = [];
    private readonly List<KeeperConnection> _connections = [];
    private readonly List<KeptContainer> _waitForLog = [];
    private readonly EndedChildren _children;
    private readonly LogProgress _progress;
    private readonly Launchers _launchers;
    private readonly ContainerEnds _ends;
    private readonly (nint, nint) _code = ProcessImage.FindCode();
    private KeeperListener? _listener;
    private string? _successor;
    private long _collectedBytes;

    public Keeper(KeeperOptions options)
    {
        _options = options;
        _launchers = new Launchers(this, options);
        _ends = new ContainerEnds(options.Root, CgroupLayout.Read());
        _children = new EndedChildren(this);
        _progress = new LogProgress(this);
        Loop.Watch(_children, PollEvents.Readable);
        Loop.Watch(_progress, PollEvents.Readable);
    }

    public EventLoop Loop { get; } = new();

    public LogWriter LogWriter { get; } = new();

    public IReadOnlyCollection<KeptContainer> Containers => _containers.Values;

    public IReadOnlyList<KeeperConnection> Connections => _connections;

    public KeptContainer? Find(string id) => _containers.GetValueOrDefault(id);

    public void Listen(SafeFileHandle socket)
    {
        _listener = new KeeperListener(this, socket);
        Loop.Watch(_listener, PollEvents.Readable);
    }

    /// <summary>Returns when it holds nothing and nobody has talked to it for a while.</summary>
    public void Run()
    {
        var isQuiet = false;
        while (true)
        {
            var isIdle = _containers.Count == 0 && _connections.Count == 0 && _launchers.Count == 0;
            var waitMs = WaitMs(isIdle, isQuiet);
            // What a burst of starts or ends ran through is not needed to wait. Last of all: what follows comes back.
            if (isQuiet)
                ProcessImage.ForgetCode(_code);
            isQuiet = !Loop.Turn(waitMs);
            if (isQuiet && isIdle)
                return;
            FinishLate();
            CollectGarbage();
            if (_successor is not null && _launchers.AreBetweenStarts && LogWriter.IsIdle && _waitForLog.Count == 0)
                Become(_successor);
        }
    }

    public KeeperConnection Accept(SafeFileHandle socket)
    {
        var connection = new KeeperConnection(this, socket);
        _connections.Add(connection);
        Loop.Watch(connection, PollEvents.Readable);
        return connection;
    }

    public void Close(KeeperConnection connection)
    {
        if (_connections.Remove(connection))
            connection.Close();
    }

    public void Welcome(KeeperConnection connection)
    {
        // The next engine ends what it believes lost: starts that one before it asked for are held before they are listed.
        foreach (var earlier in _connections.ToArray())
        {
            if (earlier.IsControl)
                earlier.TakeAll();
        }
        connection.BecomeControl();
        connection.Send(new Welcome(KeeperProtocol.Version, ProcessImage.Pid, _options.Identity).Write(s_message));
        foreach (var container in _containers.Values)
            connection.Send((container.Process ?? new RunningProcess(container.Id, 0, 0)).Write(s_message, MessageKind.Kept));
        connection.Send([(byte)MessageKind.Listed]);
    }

    public void Start(StartRequest request)
    {
        if (_containers.ContainsKey(request.Id))
        {
            Tell(new Refusal(request.Id, $"container {request.Id} exists already").Write(s_message, MessageKind.Failed));
            return;
        }
        var container = new KeptContainer(this, request);
        Add(container);
        _launchers.Start(container);
    }

    public void HasStarted(KeptContainer container, LaunchAnswer answer, ReadOnlySpan<int> descriptors)
    {
        var next = 0;
        var handles = new SafeFileHandle?[descriptors.Length];
        foreach (var descriptor in descriptors)
            handles[next++] = new SafeFileHandle(descriptor, true);
        container.CgroupPath = answer.CgroupPath;
        Hold(container, answer.Process, new ContainerDescriptors(
            handles[0], answer.HasTerminal ? null : handles[1], answer.HasInput ? handles[^1] : null, answer.HasTerminal));
        Tell(answer.Process.Write(s_message, MessageKind.Started));
        foreach (var client in _connections.ToArray())
        {
            if (client.Awaited == container.Id)
                client.Join(container);
        }
        if (_early.Remove(answer.Process.Pid, out var status))
            container.End(status);
        ForgetEarly();
    }

    public void FailedToStart(KeptContainer container, string message)
    {
        _containers.Remove(container.Id);
        Tell(new Refusal(container.Id, message).Write(s_message, MessageKind.Failed));
        foreach (var client in _connections.ToArray())
        {
            if (client.Awaited == container.Id)
                client.Refuse(message);
        }
        ForgetEarly();
    }

    public void Add(KeptContainer container) => _containers.Add(container.Id, container);

    /// <summary>Takes a running container into its hands.</summary>
    /// <param name="adopted">A pidfd, when its process is not our child.</param>
    public void Hold(KeptContainer container, RunningProcess process, ContainerDescriptors descriptors, SafeFileHandle? adopted = null)
    {
        container.BecomeRunning(process, descriptors);
        if (adopted is null)
            _byPid[process.Pid] = container;
        else
            container.Adopt(adopted);
    }

    /// <summary>All that have ended by now; theirs are the containers' ends, and the launchers'.</summary>
    public void Reap()
    {
        while (Processes.ReapAny() is var (pid, status))
        {
            if (_byPid.Remove(pid, out var container))
                container.End(status);
            else if (!_launchers.AreIdle)
                _early[pid] = status;
        }
    }

    /// <summary>Puts the end on record and tells it.</summary>
    public void Finish(KeptContainer container, ExitStatus status)
    {
        _containers.Remove(container.Id);
        _waitForLog.Remove(container);
        var ended = _ends.Record(container, status);
        Tell(ended.Write(s_message));
        // Not only between turns: hundreds may end in one.
        CollectGarbage();
    }

    public void WaitForLog(KeptContainer container)
    {
        if (!_waitForLog.Contains(container))
            _waitForLog.Add(container);
    }

    public void LogGotOn()
    {
        LogWriter.Progress.Reset();
        foreach (var container in _waitForLog.ToArray())
        {
            if (container.GoOn())
                _waitForLog.Remove(container);
        }
    }

    /// <summary>Becomes another program as soon as no start and no line is on its way.</summary>
    public void Upgrade(string program)
    {
        _successor = program;
        _launchers.Paused = true;
    }

    public void Dispose()
    {
        _launchers.Dispose();
        LogWriter.Dispose();
        Loop.Dispose();
    }

    private void Become(string program)
    {
        _successor = null;
        try
        {
            Handover.Execute(_options, program, this, _listener!.Descriptor, _launchers.Waiting);
        }
        catch (IOException e)
        {
            Tell(new Refusal("", $"{program}: {e.Message}").Write(s_message, MessageKind.Refused));
        }
        _launchers.Paused = false;
        _launchers.Next();
    }

    private void Tell(ReadOnlySpan<byte> message)
    {
        for (var i = _connections.Count - 1; i >= 0; i--)
        {
            if (_connections[i].IsControl)
                _connections[i].Send(message);
        }
    }

    private int WaitMs(bool isIdle, bool isQuiet) => NextEndMs() is var end and >= 0 ? end : isIdle ? IdleMs : isQuiet ? -1 : QuietMs;

    private int NextEndMs()
    {
        var next = long.MaxValue;
        foreach (var container in _waitForLog)
        {
            if (container.EndsAt > 0)
                next = Math.Min(next, container.EndsAt);
        }
        return next == long.MaxValue ? -1 : (int)Math.Max(0, next - Environment.TickCount64);
    }

    private void FinishLate()
    {
        for (var i = _waitForLog.Count - 1; i >= 0; i--)
        {
            if (_waitForLog[i] is { EndsAt: > 0 } late && late.EndsAt <= Environment.TickCount64)
                late.Finish();
        }
    }

    private void ForgetEarly()
    {
        if (_launchers.AreIdle)
            _early.Clear();
    }

    private void CollectGarbage()
    {
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        if (allocated - _collectedBytes < CollectEveryBytes)
            return;
        _collectedBytes = allocated;
        GC.Collect();
        ProcessImage.ForgetCode(_code);
    }
}

/// <param name="Root">The runtime's root.</param>
/// <param name="CgroupParent">The group that containers and keeper share.</param>
/// <param name="Program">The program file on the host.</param>
/// <param name="Identity">Which file that was when this process began.</param>
/// <param name="Image">That file, where no container can write to it.</param>
/// <param name="Lock">Held as long as this keeper lives: one for each root.</param>
internal sealed record KeeperOptions(string Root, string CgroupParent, string Program, string Identity, SafeFileHandle Image, SafeFileHandle Lock);
