namespace Orchestrator.Control.Store.Peers;

/// <summary>
/// What a follower adds to DotNext's check of a request against its log. The committed entries of a follower are the leader's (Raft 5.4.3), and
/// only there a leader that knows less of this follower than it holds can go on.
/// </summary>
internal static class FollowerLog
{
    /// <summary>
    /// The request without the entries that are committed here. DotNext compares the preceding entry's term also where a snapshot has taken its place,
    /// with the snapshot's term; it would refuse the request, and the leader would go back entry by entry.
    /// </summary>
    public static (long PrevIndex, long PrevTerm, WireEntry[] Entries) WithoutCommitted(AppendRequest request, long committed)
    {
        var entries = EntryChunk.Parse(request.Entries, request.Count);
        var held = (int)Math.Clamp(committed - request.PrevIndex, 0, entries.Length);
        if (request.PrevIndex + held < committed)
            // Nothing in it is new: only a sign of life, which follows on the beginning of every log.
            return (0, 0, []);
        return held == 0 ? (request.PrevIndex, request.PrevTerm, entries) : (request.PrevIndex + held, entries[held - 1].Term, entries[held..]);
    }

    /// <summary>After a refusal, the last entry that this follower may share with the leader: its last one, or, when the logs differ before that, the last
    /// committed one.</summary>
    public static long NextToTry(long prevIndex, long lastIndex, long committed) => prevIndex > lastIndex ? lastIndex : committed;
}
