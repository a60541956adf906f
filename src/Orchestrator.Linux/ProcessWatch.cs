using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Orchestrator.Linux;

/// <summary>Tells when processes end, our children or not: one thread in epoll over pidfds, however many there are.</summary>
public sealed unsafe class ProcessWatch : IDisposable
{
    private const int CloseOnExec = 0x80000, EventSize = 12;

    private readonly Dictionary<int, (SafeFileHandle PidFd, TaskCompletionSource End)> _watched = [];
    private readonly Lock _lock = new();
    private readonly int _epoll = Libc.Check(Libc.epoll_create1(CloseOnExec), "epoll_create1");
    private readonly int _wake = Libc.Check(Libc.eventfd(0, CloseOnExec), "eventfd");
    private readonly Thread _thread;

    public ProcessWatch()
    {
        Add(_wake);
        _thread = new Thread(Run, 256 * 1024) { IsBackground = true, Name = "process-watch" };
        _thread.Start();
    }

    /// <summary>Completes when the process has ended. The watch owns the descriptor from here on.</summary>
    public Task WhenEnded(SafeFileHandle pidFd)
    {
        var end = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            var descriptor = (int)pidFd.DangerousGetHandle();
            _watched.Add(descriptor, (pidFd, end));
            Add(descriptor);
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
                var descriptor = *(int*)(events + i * EventSize + sizeof(int));
                if (descriptor == _wake)
                    return;
                End(descriptor);
            }
        }
    }

    private void End(int descriptor)
    {
        (SafeFileHandle PidFd, TaskCompletionSource End) watched;
        lock (_lock)
        {
            if (!_watched.Remove(descriptor, out watched))
                return;
            // Closing alone would not do: a child between fork and exec still has the descriptor, and so would the epoll set.
            _ = Libc.epoll_ctl(_epoll, 2, descriptor, null);
            watched.PidFd.Dispose();
        }
        watched.End.SetResult();
    }

    private void Add(int descriptor)
    {
        // struct epoll_event as x86-64 packs it: events, then the 64 bits of user data.
        var interest = stackalloc int[3] { 1, descriptor, 0 };
        Libc.Check(Libc.epoll_ctl(_epoll, 1, descriptor, interest), "epoll_ctl");
    }
}

internal static unsafe partial class Libc
{
    [DllImport(Name)] public static extern int epoll_create1(int flags);
    [DllImport(Name)] public static extern int epoll_ctl(int epoll, int operation, int descriptor, void* interest);
    [DllImport(Name)] public static extern int epoll_wait(int epoll, void* events, int count, int timeoutMs);
}
