using System.Diagnostics;
using Orchestrator.Control.Metrics;
using Orchestrator.Control.Store;
using Orchestrator.Model;

namespace Orchestrator.Control;

/// <summary>Gives changes their time, and measures them.</summary>
internal sealed class Proposals(ReplicatedStore store, TimeProvider time, ControlMetrics metrics)
{
    public long NowMs => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>As <see cref="ReplicatedStore.ProposeAsync"/>.</summary>
    public async Task<ChangeResult> ProposeAsync(Change change, CancellationToken cancellation)
    {
        change.NowMs = NowMs;
        var started = Stopwatch.GetTimestamp();
        var result = await store.ProposeAsync(change, cancellation);
        metrics.Committed(Stopwatch.GetElapsedTime(started), result.Refusal is not null);
        return result;
    }

    public Task<ChangeResult> ProposeAsync(Operation operation, string requestId, CancellationToken cancellation) =>
        ProposeAsync(new Change { RequestId = requestId, Operations = { operation } }, cancellation);
}
