using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Orchestrator.Linux;

/// <summary>Tells when processes end, our children or not: one thread in epoll over pidfds, however many there are.</summary>
public sealed unsafe class ProcessWatch : IDisposable
{
    private const int CloseOnExec = 0x80000, EventSize = 12, ControlAdd = 1, ControlDelete = 2, WakeKey = 0;

    // By a key of our own: a descriptor's number is given out again, and an event may still be on its way for the one that had it before.
    private readonly Dictionary<long, (SafeFileHandle PidFd, TaskCompletionSource End)> _watched = [];
    private readonly Lock _lock = new();
    private readonly int _epoll = Libc.Check(Libc.epoll_create1(CloseOnExec), "epoll_create1");
    private readonly int _wake = Libc.Check(Libc.eventfd(0, CloseOnExec), "eventfd");
    private readonly Thread _thread;
    private long _lastKey = WakeKey;

    public ProcessWatch()
    {
        Add(_wake, WakeKey);
        _thread = new Thread(Run, 256 * 1024) { IsBackground = true, Name = "process-watch" };
        _thread.Start();
    }

    /// <summary>Completes when the process has ended. The watch owns the descriptor from here on.</summary>
    public Task WhenEnded(SafeFileHandle pidFd)
    {
        var end = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            _watched.Add(++_lastKey, (pidFd, end));
            Add((int)pidFd.DangerousGetHandle(), _lastKey);
        }
        return end.Task;
    }

    /// <summary>Watches nothing any more: tasks that are still waited for never complete.</summary>
    public void Dispose()
    {
        var one = 1L;
        _ = Libc.write(_wake, &one, sizeof(long));
        _thread.Join();
        foreach (var (pidFd, _) in _watched.Values)
            pidFd.Dispose();
        _ = Libc.close(_wake);
        _ = Libc.close(_epoll);
    }

    private void Run()
    {
        var events = stackalloc byte[64 * EventSize];
        while (true)
        {
            var count = Libc.epoll_wait(_epoll, events, 64, -1);
            for (var i = 0; i < count; i++)
            {
                var key = *(long*)(events + i * EventSize + sizeof(int));
                if (key == WakeKey)
                    return;
                End(key);
            }
        }
    }

    private void End(long key)
    {
        (SafeFileHandle PidFd, TaskCompletionSource End) watched;
        lock (_lock)
        {
            if (!_watched.Remove(key, out watched))
                return;
            // Closing it would not do: a child between fork and exec holds the descriptor too, and keeps it in the epoll set.
            var ignored = 0L;
            Libc.Check(Libc.epoll_ctl(_epoll, ControlDelete, (int)watched.PidFd.DangerousGetHandle(), &ignored), "epoll_ctl");
            watched.PidFd.Dispose();
        }
        watched.End.SetResult();
    }

    private void Add(int descriptor, long key)
    {
        // struct epoll_event as x86-64 packs it: events, then the 64 bits of user data.
        var interest = stackalloc byte[EventSize];
        *(uint*)interest = 1;
        *(long*)(interest + sizeof(uint)) = key;
        Libc.Check(Libc.epoll_ctl(_epoll, ControlAdd, descriptor, interest), "epoll_ctl");
    }
}

internal static unsafe partial class Libc
{
    [DllImport(Name)] public static extern int epoll_create1(int flags);
    [DllImport(Name)] public static extern int epoll_ctl(int epoll, int operation, int descriptor, void* interest);
    [DllImport(Name)] public static extern int epoll_wait(int epoll, void* events, int count, int timeoutMs);
}
