using Orchestrator.Engine.Logs;
using Orchestrator.Linux;

namespace Orchestrator.Engine.Containers;

/// <summary>A container as the engine sees it now.</summary>
public sealed class Container
{
    private readonly TaskCompletionSource<ContainerExit> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly string _recordPath;
    private volatile ContainerRecord _record;

    internal Container(string directory, ContainerRecord record)
    {
        Directory = directory;
        _recordPath = RecordPath(directory);
        _record = record;
        if (record.Exit is { } exit)
            _ended.SetResult(exit);
    }

    public string Id => _record.Id;
    public ContainerRecord Record => _record;
    public ContainerState State => _record.State;

    /// <summary>Completes when its process has ended, also for one that ended while no engine was there.</summary>
    public Task<ContainerExit> Ended => _ended.Task;

    /// <summary>Returns when no start of it is under way: also one that an earlier engine asked for.</summary>
    public async Task AwaitStartAsync(CancellationToken cancellationToken = default)
    {
        await Gate.WaitAsync(cancellationToken);
        Gate.Release();
    }

    /// <summary>Its stop signal, and SIGKILL after the grace period.</summary>
    /// <returns>When it has ended.</returns>
    public async Task<ContainerExit> StopAsync(TimeSpan grace, CancellationToken cancellationToken = default)
    {
        await AwaitStartAsync(cancellationToken);
        if (State == ContainerState.Created)
            End(new ContainerExit(0, 0, false, DateTimeOffset.UtcNow.ToUnixTimeMilliseconds(), "never started"));
        if (Ended.IsCompleted)
            return await Ended;
        Signal(Record.StopSignal);
        try
        {
            return await Ended.WaitAsync(grace, cancellationToken);
        }
        catch (TimeoutException)
        {
            Signal(Signals.Kill);
            return await Ended.WaitAsync(cancellationToken);
        }
    }

    /// <returns>False when its process is no longer there.</returns>
    public bool Signal(int signal)
    {
        if (Record.Process is not { } process)
            return false;
        using var pidFd = Processes.Find(process.Pid, process.StartTime);
        return pidFd is not null && Processes.Signal(pidFd, signal);
    }

    public IAsyncEnumerable<LogEntry> ReadLogs(LogQuery query, CancellationToken cancellationToken = default) =>
        LogReader.ReadAsync(LogPath, query, Ended, cancellationToken);

    /// <summary>It has ended, and what it needed to run is given back.</summary>
    public bool IsReleased => State == ContainerState.Ended && !System.IO.Directory.Exists(Path.Combine(Directory, Bundle.UpperDirectory));

    /// <summary>Where its output is kept.</summary>
    public string LogPath => Path.Combine(Directory, "log");

    /// <summary>The bundle.</summary>
    internal string Directory { get; }
    internal SemaphoreSlim Gate { get; } = new(1, 1);

    internal void End(ContainerExit exit) => Become(_record with { State = ContainerState.Ended, Exit = exit });

    internal static string RecordPath(string directory) => Path.Combine(directory, "container.json");

    internal void Become(ContainerRecord record)
    {
        try
        {
            record.Save(_recordPath);
        }
        catch (IOException) when (record.State is ContainerState.Running or ContainerState.Ended)
        {
            // A full disk: the next engine finds the process or its end again where this one did.
        }
        _record = record;
        if (record.Exit is { } exit)
            _ended.TrySetResult(exit);
    }
}
