namespace Orchestrator.Control.Store;

/// <summary>The leadership that this server holds now, if any, and who waits for one.</summary>
internal sealed class LeadershipWatch
{
    private readonly Lock _lock = new();
    private TaskCompletionSource<Leadership> _gained = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Null also as soon as it is lost.</summary>
    public Leadership? Current
    {
        get
        {
            lock (_lock)
                return _gained.Task.IsCompleted && !_gained.Task.Result.Lost.IsCancellationRequested ? _gained.Task.Result : null;
        }
    }

    public void Gain(Leadership leadership)
    {
        lock (_lock)
        {
            if (_gained.Task.IsCompleted)
                _gained = new(TaskCreationOptions.RunContinuationsAsynchronously);
            _gained.SetResult(leadership);
        }
        leadership.Lost.UnsafeRegister(_ => Lose(leadership), null);
    }

    public Task<Leadership> WaitAsync(CancellationToken cancellation)
    {
        lock (_lock)
            return _gained.Task.WaitAsync(cancellation);
    }

    private void Lose(Leadership lost)
    {
        lock (_lock)
            if (_gained.Task.IsCompleted && ReferenceEquals(_gained.Task.Result, lost))
                _gained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
