namespace Orchestrator.Control.Store;

/// <summary>
/// A follower that has installed a snapshot, but whose answer came too late, refuses the same snapshot when it is sent again, and DotNext sends
/// nothing else until there is a newer one. So what was sent twice is renewed, with an entry of its own if nothing else came meanwhile.
/// </summary>
public sealed partial class ReplicatedStore
{
    private static readonly TimeSpan s_renewPause = TimeSpan.FromMilliseconds(500);
    private readonly Lock _renewLock = new();
    private Task _renewing = Task.CompletedTask;

    private void OnSnapshotSentAgain()
    {
        lock (_renewLock)
            if (_renewing.IsCompleted && !_closing.IsCancellationRequested)
                _renewing = Task.Run(RenewSnapshotAsync);
    }

    private async Task RenewSnapshotAsync()
    {
        try
        {
            if (_leadership.Current is not { } leadership || _node is not { } node)
                return;
            await ProposeAsync(DigestOf(State, leadership.Term), _closing.Token).ConfigureAwait(false);
            await node.Machine.TakeSnapshotAsync(_closing.Token).ConfigureAwait(false);
            await Task.Delay(s_renewPause, _closing.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is NotLeaderException or OutcomeUnknownException or OperationCanceledException or ObjectDisposedException)
        {
            // Another leader begins anew with this follower.
        }
    }
}
