using System.Runtime.CompilerServices;
using Orchestrator.Model;

namespace Orchestrator.Control.Store;

/// <summary>The applied state and the ring of the changes that led to it. One writer (the apply loop), any number of readers and watchers;
/// none of them can slow the writer.</summary>
internal sealed class StateFeed(int capacity)
{
    private readonly Lock _lock = new();
    private readonly StateChange?[] _ring = new StateChange?[capacity];
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile ClusterState _state = ClusterState.Empty;

    // Changes are numbered from 0 in order of publication; the ring holds those from _first to _next - 1, which are all that came after
    // revision _floor. A reset (snapshot received) empties it.
    private long _first;
    private long _next;
    private ulong _floor;

    public ClusterState State => _state;

    public void Publish(StateChange change)
    {
        lock (_lock)
        {
            if (_next - _first == capacity)
                _floor = At(_first++).Revision;
            _ring[_next++ % capacity] = change;
            Set(change.State);
        }
    }

    /// <summary>A state that was not reached by the changes published so far.</summary>
    public void Reset(ClusterState state)
    {
        lock (_lock)
        {
            Array.Clear(_ring);
            // Numbers of before the reset lie below _first, also of watchers that had seen everything.
            _first = ++_next;
            _floor = state.Revision;
            Set(state);
        }
    }

    /// <summary>The state as it was at exactly this revision; null when it is no longer (or not yet) known.</summary>
    public ClusterState? StateAt(ulong revision)
    {
        lock (_lock)
        {
            var number = FirstAfter(revision) - 1;
            return number >= _first && At(number).Revision == revision ? At(number).State : null;
        }
    }

    public async Task<ClusterState> WaitForRevisionAfterAsync(ulong revision, CancellationToken cancellation)
    {
        while (true)
        {
            var changed = Changed;
            if (_state is var state && state.Revision > revision)
                return state;
            await changed.WaitAsync(cancellation).ConfigureAwait(false);
        }
    }

    public async IAsyncEnumerable<StateChange> WatchAsync(ulong fromRevision, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var next = Start(fromRevision);
        while (true)
        {
            var changed = Changed;
            while (Take(ref next) is { } change)
                if (change.Resync || change.Revision > fromRevision)
                    yield return change;
            await changed.WaitAsync(cancellation).ConfigureAwait(false);
        }
    }

    private Task Changed
    {
        get
        {
            lock (_lock)
                return _changed.Task;
        }
    }

    private long Start(ulong fromRevision)
    {
        lock (_lock)
            return fromRevision < _floor ? -1 : FirstAfter(fromRevision);
    }

    /// <summary>The change of this number, a resync when it is gone, null when it has not come yet.</summary>
    private StateChange? Take(ref long number)
    {
        lock (_lock)
        {
            if (number >= _first)
                return number < _next ? At(number++) : null;
            number = _next;
            return new(_state.Revision, _state, [], Resync: true);
        }
    }

    private void Set(ClusterState state)
    {
        _state = state;
        var changed = _changed;
        _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        changed.SetResult();
    }

    private StateChange At(long number) => _ring[number % capacity]!;

    private long FirstAfter(ulong revision)
    {
        var (low, high) = (_first, _next);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (At(middle).Revision > revision)
                high = middle;
            else
                low = middle + 1;
        }
        return low;
    }
}
