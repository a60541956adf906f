using Microsoft.Extensions.Logging;
using Orchestrator.Model;

namespace Orchestrator.Control.Store;

/// <summary>Compares this server's states with the digests that the leader publishes through the log.</summary>
internal sealed class DigestCheck(StateFeed feed, ILogger log, Action<ulong> diverged)
{
    private Task _checking = Task.CompletedTask;

    /// <summary>Called by the apply loop; the work is done aside. A digest is passed over while an earlier one is being checked,
    /// and when its state is no longer known here.</summary>
    public void Check(IReadOnlyList<Change> changes)
    {
        foreach (var change in changes)
            foreach (var operation in change.Operations)
                if (operation.Digest is { } digest && _checking.IsCompleted && feed.StateAt(digest.AtRevision) is { } state)
                    _checking = Task.Run(() => Compare(state, digest));
    }

    private void Compare(ClusterState state, Digest digest)
    {
        if (digest.Sha256.Span.SequenceEqual(state.Digest()))
            return;
        log.LogCritical("this server's state at revision {Revision} differs from the leader's: its data cannot be trusted", digest.AtRevision);
        diverged(digest.AtRevision);
    }
}
