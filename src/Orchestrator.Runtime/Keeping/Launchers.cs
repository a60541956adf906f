using Microsoft.Win32.SafeHandles;
using Orchestrator.Keeping;
using Orchestrator.Linux;
using Orchestrator.Linux.Tapes;
using Orchestrator.Runtime.Containers;
using Orchestrator.Runtime.Verbs;

namespace Orchestrator.Runtime.Keeping;

/// <summary>
/// The processes that start containers for the keeper: reading config.json takes a heap that would stay. Several work side by side, each one
/// start after the other, and end when nothing came for a while; what they start is the keeper's child, not theirs.
/// </summary>
internal sealed class Launchers(Keeper keeper, KeeperOptions options) : IDisposable
{
    private readonly List<LauncherProcess> _all = [];
    private readonly Queue<KeptContainer> _waiting = new();
    private readonly int _max = Math.Clamp(Environment.ProcessorCount, 2, 8);

    public int Count => _all.Count;

    public bool AreIdle => _waiting.Count == 0 && AreBetweenStarts;

    /// <summary>Nothing is being started at this moment.</summary>
    public bool AreBetweenStarts => _all.TrueForAll(l => l.Container is null);

    /// <summary>No new start is begun while this is set.</summary>
    public bool Paused { get; set; }

    public void Start(KeptContainer container)
    {
        _waiting.Enqueue(container);
        Next();
    }

    public void Next()
    {
        while (!Paused && _waiting.Count > 0 && (_all.Find(l => l.Container is null) ?? Add()) is { } free)
            free.Launch(_waiting.Dequeue());
    }

    /// <summary>Those that wait, for another program of this keeper.</summary>
    public IEnumerable<KeptContainer> Waiting => _waiting;

    public void Remove(LauncherProcess launcher)
    {
        _all.Remove(launcher);
        Next();
    }

    public void Dispose()
    {
        foreach (var launcher in _all.ToArray())
            launcher.Close();
        _all.Clear();
    }

    private LauncherProcess? Add()
    {
        if (_all.Count == _max)
            return null;
        var (ours, theirs) = MessageSocket.CreatePair();
        using var channel = LaunchPipes.MoveUp(theirs);
        string[] arguments = ["orc-runtime", "--root", options.Root, LaunchVerb.Name, options.Program];
        Launcher.Launch(KeeperSteps.Launcher(channel.Number(), options.Image.Number(), arguments), channel.Number(), new CloneOptions()).Dispose();
        FileDescriptors.SetNonBlocking(ours.Number());
        var launcher = new LauncherProcess(keeper, this, ours);
        _all.Add(launcher);
        keeper.Loop.Watch(launcher, PollEvents.Readable);
        return launcher;
    }
}

/// <summary>One launcher process, by its socket.</summary>
internal sealed class LauncherProcess(Keeper keeper, Launchers all, SafeFileHandle socket) : EventSource
{
    private static readonly byte[] s_buffer = new byte[KeeperProtocol.MessageMax];

    public override int Descriptor => socket.Number();

    /// <summary>What it is starting now.</summary>
    public KeptContainer? Container { get; private set; }

    public void Launch(KeptContainer container)
    {
        Container = container;
        if (!MessageSocket.TrySend(Descriptor, container.Request.Write(s_buffer)))
            End();
    }

    public override void Ready(PollEvents events)
    {
        Span<int> descriptors = stackalloc int[MessageSocket.DescriptorsMax];
        var count = MessageSocket.Receive(Descriptor, s_buffer, descriptors, out var descriptorCount);
        if (count == 0)
            End();
        else if (count > 0)
            Take(new MessageReader(s_buffer.AsSpan(0, count)), descriptors[..descriptorCount]);
    }

    public void Close()
    {
        keeper.Loop.Watch(this, PollEvents.None);
        socket.Dispose();
    }

    private void Take(MessageReader message, ReadOnlySpan<int> descriptors)
    {
        var container = Container!;
        Container = null;
        if (message.Kind == MessageKind.Failed)
            keeper.FailedToStart(container, Refusal.Read(message).Message);
        else
            keeper.HasStarted(container, LaunchAnswer.Read(message), descriptors);
        all.Next();
    }

    // It ends by itself when it has had nothing to do; in the middle of a start it was killed.
    private void End()
    {
        Close();
        if (Container is { } container)
            keeper.FailedToStart(container, "its launcher ended without a word");
        all.Remove(this);
    }
}

/// <summary>What a launcher says of a container that it has started. The descriptors come with the message: output, errors (not of a terminal), input.</summary>
internal readonly record struct LaunchAnswer(RunningProcess Process, bool HasTerminal, bool HasInput, string CgroupPath)
{
    public ReadOnlySpan<byte> Write(Span<byte> buffer)
    {
        var message = new MessageWriter(buffer, MessageKind.Started);
        message.Put(Process.Id);
        message.Put(Process.Pid);
        message.Put((long)Process.StartTime);
        message.Put(HasTerminal);
        message.Put(HasInput);
        message.Put(CgroupPath);
        return message.Message;
    }

    public static LaunchAnswer Read(MessageReader message) =>
        new(new RunningProcess(message.Text(), message.Number(), (ulong)message.LongNumber()), message.Flag(), message.Flag(), message.Text());
}
