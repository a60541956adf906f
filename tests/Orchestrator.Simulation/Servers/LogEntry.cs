using Orchestrator.Model;

namespace Orchestrator.Simulation.Servers;

/// <summary>A committed change, the state that it led to, and what became of it.</summary>
/// <param name="Revision">Place in the log, from 1.</param>
/// <param name="Term">Of the leader that appended it.</param>
/// <param name="DecidedIn">The leadership that decided it.</param>
internal sealed record LogEntry(ulong Revision, ulong Term, ulong DecidedIn, Change Change, ClusterState State, ChangeResult Result);
