using System.Collections.Concurrent;

namespace Orchestrator.Linux;

/// <summary>
/// One thread that stays in one network namespace: sockets, netlink and nftables contexts belong to the namespace of the thread that
/// makes them, and pool threads must never leave the process's own.
/// </summary>
public sealed class NetnsThread : IDisposable
{
    private readonly BlockingCollection<Action> _work = [];
    private readonly Thread _thread;

    /// <param name="path">The namespace to enter; null: the process's own.</param>
    public NetnsThread(string? path = null)
    {
        _thread = new Thread(Loop) { IsBackground = true, Name = "netns" };
        _thread.Start();
        if (path is not null)
            RunAsync(() => Enter(path)).GetAwaiter().GetResult();
    }

    public Task RunAsync(Action action) => RunAsync(() =>
    {
        action();
        return true;
    });

    public Task<T> RunAsync<T>(Func<T> action)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        _work.Add(() => Complete(done, action));
        return done.Task;
    }

    public void Dispose()
    {
        _work.CompleteAdding();
        _thread.Join();
        _work.Dispose();
    }

    private static void Enter(string path)
    {
        using var ns = FileSystem.Open(path, OpenFlags.ReadOnly);
        Namespaces.Enter(ns, NamespaceKinds.Network);
    }

    private static void Complete<T>(TaskCompletionSource<T> done, Func<T> action)
    {
        try
        {
            done.SetResult(action());
        }
#pragma warning disable CA1031 // The awaiting caller gets it.
        catch (Exception e)
#pragma warning restore CA1031
        {
            done.SetException(e);
        }
    }

    private void Loop()
    {
        foreach (var action in _work.GetConsumingEnumerable()) action();
    }
}
