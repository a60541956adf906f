using Microsoft.Extensions.Logging;
using Orchestrator.Control.Dispatching;
using Orchestrator.Control.Metrics;
using Orchestrator.Control.Store;

namespace Orchestrator.Control.Leading;

/// <summary>Starts the leader's work whenever this server becomes leader and stops it when it no longer is.</summary>
internal sealed class Leader(
    ReplicatedStore store, Proposals proposals, HeartbeatRule rule, TimeProvider time, ControlMetrics metrics, ILoggerFactory loggers)
{
    private static readonly TimeSpan s_pauseAfterFailure = TimeSpan.FromMilliseconds(200), s_takeover = TimeSpan.FromSeconds(3);
    private readonly ILogger _logger = loggers.CreateLogger("leader");
    private volatile TaskCompletionSource<LeaderWork> _work = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Null: this server does not lead.</summary>
    public LeaderWork? Current => _work.Task is { IsCompletedSuccessfully: true, Result: { Lost.IsCancellationRequested: false } work } ? work : null;

    /// <summary>A new leader needs a moment to take over.</summary>
    /// <exception cref="NotLeaderException">It does not.</exception>
    public async Task<LeaderWork> CurrentAsync(CancellationToken cancellation)
    {
        try
        {
            return await _work.Task.WaitAsync(s_takeover, cancellation);
        }
        catch (TimeoutException)
        {
            throw new NotLeaderException(store.LeaderRaftAddress);
        }
    }

    public async Task RunAsync(CancellationToken cancellation)
    {
        while (true)
        {
            var leadership = await store.WaitForLeadershipAsync(cancellation);
            using var until = CancellationTokenSource.CreateLinkedTokenSource(cancellation, leadership.Lost);
            try
            {
                await LeadAsync(leadership, until);
            }
            catch (Exception e) when (e is OperationCanceledException or NotLeaderException && !cancellation.IsCancellationRequested)
            {
                _logger.LogInformation("no longer leader of term {Term}", leadership.Term);
            }
            catch (Exception e) when (!cancellation.IsCancellationRequested)
            {
                _logger.LogError(e, "the leader's work of term {Term} failed and starts anew", leadership.Term);
            }
            await Task.Delay(s_pauseAfterFailure, time, cancellation);
        }
    }

    private async Task LeadAsync(Leadership leadership, CancellationTokenSource until)
    {
        var work = new LeaderWork(store, proposals, leadership, rule, time, metrics, loggers, until.Token);
        _work.TrySetResult(work);
        try
        {
            await work.RunAsync(until.Token);
        }
        finally
        {
            _work = new(TaskCreationOptions.RunContinuationsAsynchronously);
            await until.CancelAsync();
        }
    }
}
