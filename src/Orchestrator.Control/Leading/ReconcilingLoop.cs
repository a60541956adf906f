using System.Diagnostics;
using Orchestrator.Control.Dispatching;
using Orchestrator.Control.Metrics;
using Orchestrator.Control.Store;
using Orchestrator.Model;
using Orchestrator.Model.Reconciling;

namespace Orchestrator.Control.Leading;

/// <summary>Reconciles after every change and when a back-off ends, for one leadership.</summary>
internal sealed class ReconcilingLoop(ReplicatedStore store, LeaderProposals proposals, TimeProvider time, ControlMetrics metrics)
{
    // Lets the reports of one burst come together before they are looked at.
    private static readonly TimeSpan s_debounce = TimeSpan.FromMilliseconds(3), s_pauseAfterRefusal = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_longestWait = TimeSpan.FromHours(1);

    // Well below what one change may have.
    private const int BytesMax = ReplicatedStore.ChangeBytesMax / 2;

    public async Task RunAsync(CancellationToken cancellation)
    {
        while (true)
        {
            var state = store.State;
            var result = Reconcile(state);
            if (result.Operations.Count > 0 && (await proposals.ProposeAsync(Beginning(result.Operations), cancellation)).Refusal is not null)
                await Task.Delay(s_pauseAfterRefusal, time, cancellation);
            await WaitAsync(state.Revision, result.NextWakeMs, cancellation);
            await Task.Delay(s_debounce, time, cancellation);
        }
    }

    /// <summary>As many as one change can hold. They are in order, and the next look finds anew what is left out.</summary>
    internal static IReadOnlyList<Operation> Beginning(IReadOnlyList<Operation> operations)
    {
        var bytes = 0;
        return [.. operations.TakeWhile((operation, i) => (bytes += operation.CalculateSize()) <= BytesMax || i == 0)];
    }

    private ReconcileResult Reconcile(ClusterState state)
    {
        var started = Stopwatch.GetTimestamp();
        var result = Reconciler.Reconcile(state, NowMs, (ulong)Random.Shared.NextInt64());
        metrics.Reconciled(Stopwatch.GetElapsedTime(started), result.Operations.Count);
        return result;
    }

    private async Task WaitAsync(ulong revision, long? wakeMs, CancellationToken cancellation)
    {
        using var wake = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var wait = wakeMs is { } at ? TimeSpan.FromMilliseconds(Math.Max(0, at - NowMs)) : s_longestWait;
        wake.CancelAfter(wait < s_longestWait ? wait : s_longestWait);
        try
        {
            await store.WaitForRevisionAfterAsync(revision, wake.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            // The back-off ended: time to look again though nothing changed.
        }
    }

    private long NowMs => time.GetUtcNow().ToUnixTimeMilliseconds();
}
