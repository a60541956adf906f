namespace Orchestrator.Control.Store;

/// <summary>Only the leader can do this. The change was not proposed.</summary>
public sealed class NotLeaderException(string? leaderRaftAddress)
    : Exception(leaderRaftAddress is null ? "there is no leader now" : $"the leader is {leaderRaftAddress}")
{
    public string? LeaderRaftAddress { get; } = leaderRaftAddress;
}
