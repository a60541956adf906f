using Microsoft.Win32.SafeHandles;

namespace Orchestrator.Linux;

/// <summary>What an <see cref="EventLoop"/> watches. Called on the loop's thread.</summary>
public abstract class EventSource
{
    internal long Key { get; set; }

    internal PollEvents Wanted { get; set; }

    /// <summary>The watched descriptor.</summary>
    public abstract int Descriptor { get; }

    public abstract void Ready(PollEvents events);
}

/// <summary>One thread over many descriptors (epoll), by level; waiting allocates nothing.</summary>
public sealed unsafe class EventLoop : IDisposable
{
    private const int CloseOnExec = 0x80000, EventSize = 12, BatchMax = 64, Add = 1, Delete = 2, Modify = 3;

    // By a key of our own: a descriptor's number is given out again, and an event may still be on its way for the one that had it before.
    private readonly Dictionary<long, EventSource> _sources = [];
    private readonly SafeFileHandle _epoll = new(Libc.Check(Libc.epoll_create1(CloseOnExec), "epoll_create1"), true);
    private long _lastKey;

    /// <summary>Starts, changes or (with <see cref="PollEvents.None"/>) ends watching. A descriptor is to be forgotten before it is closed.</summary>
    public void Watch(EventSource source, PollEvents events)
    {
        if (events == source.Wanted)
            return;
        var operation = events == PollEvents.None ? Delete : source.Wanted == PollEvents.None ? Add : Modify;
        if (operation == Add)
            _sources.Add(source.Key = ++_lastKey, source);
        // struct epoll_event as x86-64 packs it: events, then the 64 bits of user data.
        var interest = stackalloc byte[EventSize];
        *(uint*)interest = (uint)events;
        *(long*)(interest + sizeof(uint)) = source.Key;
        Libc.Check(Libc.epoll_ctl(_epoll.Number(), operation, source.Descriptor, interest), "epoll_ctl");
        if (operation == Delete)
            _sources.Remove(source.Key);
        source.Wanted = events;
    }

    /// <summary>Waits for events and hands them out. False after the timeout; a negative one waits for ever.</summary>
    public bool Turn(int timeoutMs)
    {
        var events = stackalloc byte[BatchMax * EventSize];
        var count = Libc.epoll_wait(_epoll.Number(), events, BatchMax, timeoutMs);
        if (count < 0 && Libc.Error("epoll_wait") is { Errno: not Errno.EINTR } error)
            throw error;
        for (var i = 0; i < count; i++)
        {
            if (_sources.TryGetValue(*(long*)(events + i * EventSize + sizeof(int)), out var source))
                source.Ready((PollEvents)(*(uint*)(events + i * EventSize)));
        }
        return count > 0;
    }

    public void Dispose() => _epoll.Dispose();
}
