using Microsoft.Extensions.Logging;
using Orchestrator.Control.Dispatching;
using Orchestrator.Control.Metrics;
using Orchestrator.Control.Store;

namespace Orchestrator.Control.Leading;

/// <summary>All that only the leader does, for one leadership; gone with it.</summary>
internal sealed class LeaderWork
{
    private readonly ReconcilingLoop _reconciling;
    private readonly LivenessLoop _liveness;

    public LeaderWork(
        ReplicatedStore store, Proposals proposer, Leadership leadership, HeartbeatRule rule, TimeProvider time, ControlMetrics metrics, ILoggerFactory loggers,
        CancellationToken lost)
    {
        var logger = loggers.CreateLogger("leader");
        var proposals = new LeaderProposals(proposer, leadership.Term, logger);
        var heartbeats = Heartbeats.Of(store.State, rule, time);
        Lost = lost;
        Sessions = new Sessions(store, proposals, rule, heartbeats, logger);
        Streams = new AgentStreams(Sessions);
        _reconciling = new ReconcilingLoop(store, proposals, time, metrics);
        _liveness = new LivenessLoop(store, proposals, heartbeats, time, logger);
    }

    public Sessions Sessions { get; }
    public AgentStreams Streams { get; }
    public CancellationToken Lost { get; }

    public Task RunAsync(CancellationToken cancellation) =>
        Together.RunAsync(cancellation, _reconciling.RunAsync, _liveness.RunAsync, Sessions.RunAsync);
}
