using Orchestrator.Model;

namespace Orchestrator.Control.Store;

/// <summary>
/// What one log entry did: the state after it, and its changes in order (refused ones too). With <paramref name="Resync"/> the changes up to
/// <paramref name="Revision"/> are not known one by one (asked from too long ago, too slow, or a snapshot was received): compare with the state.
/// </summary>
public sealed record StateChange(ulong Revision, ClusterState State, IReadOnlyList<Change> Changes, bool Resync);
