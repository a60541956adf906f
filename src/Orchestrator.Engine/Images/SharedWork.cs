namespace Orchestrator.Engine.Images;

/// <summary>Work that several callers want at once is done once. It goes on while one of them waits, and is cancelled when none does.</summary>
internal sealed class SharedWork<TKey, TReport>
    where TKey : notnull
{
    private readonly Lock _lock = new();
    private readonly Dictionary<TKey, Job> _jobs = [];

    public async Task RunAsync(TKey key, IProgress<TReport>? progress, Func<IProgress<TReport>, CancellationToken, Task> work, CancellationToken cancellation)
    {
        var job = Join(key, progress, work);
        try
        {
            await job.Done.WaitAsync(cancellation);
        }
        finally
        {
            Leave(key, job, progress);
        }
    }

    private Job Join(TKey key, IProgress<TReport>? progress, Func<IProgress<TReport>, CancellationToken, Task> work)
    {
        lock (_lock)
        {
            if (!_jobs.TryGetValue(key, out var job))
            {
                job = new Job();
                _jobs.Add(key, job);
                job.Done = Task.Run(() => work(job, job.Cancellation.Token), CancellationToken.None);
            }
            job.Waiters++;
            job.Watch(progress);
            return job;
        }
    }

    private void Leave(TKey key, Job job, IProgress<TReport>? progress)
    {
        lock (_lock)
        {
            job.Unwatch(progress);
            if (--job.Waiters > 0 && !job.Done.IsCompleted)
                return;
            if (_jobs.TryGetValue(key, out var current) && current == job)
                _jobs.Remove(key);
            if (!job.Done.IsCompleted)
                job.Cancellation.Cancel();
        }
    }

    private sealed class Job : IProgress<TReport>
    {
        private volatile IProgress<TReport>[] _watchers = [];

        // Never disposed: it has no timer, and the work may look at its token after the last waiter has gone.
        public CancellationTokenSource Cancellation { get; } = new();

        public Task Done { get; set; } = Task.CompletedTask;

        public int Waiters { get; set; }

        public void Watch(IProgress<TReport>? progress) => _watchers = progress is null ? _watchers : [.. _watchers, progress];

        public void Unwatch(IProgress<TReport>? progress) => _watchers = [.. _watchers.Where(w => w != progress)];

        public void Report(TReport value)
        {
            foreach (var watcher in _watchers)
                watcher.Report(value);
        }
    }
}
