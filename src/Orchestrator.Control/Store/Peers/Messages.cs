using System.Buffers;
using System.Text;
using DotNext.Net.Cluster.Consensus.Raft;

namespace Orchestrator.Control.Store.Peers;

/// <summary>What a frame holds. Values are part of the protocol.</summary>
internal enum FrameKind : byte
{
    Hello = 1,
    PreVote = 2,
    Vote = 3,
    Append = 4,
    Snapshot = 5,
    SnapshotBytes = 6,
    Synchronize = 7,

    /// <summary>The request is being worked on: the server is slow, not gone.</summary>
    Working = 64,
    Answer = 65,

    /// <summary>The offered snapshot is wanted: send its bytes.</summary>
    Continue = 66,
}

internal interface IMessage
{
    void WriteTo(IBufferWriter<byte> output);
}

/// <summary>First on every connection: who speaks, and the version of its state machine.</summary>
internal sealed record Hello(string Address, int StateVersion) : IMessage
{
    private const int Protocol = 1;

    public void WriteTo(IBufferWriter<byte> output)
    {
        output.Add(Protocol);
        output.Add(StateVersion);
        output.Write(Encoding.UTF8.GetBytes(Address));
    }

    public static Hello Parse(ReadOnlyMemory<byte> bytes)
    {
        var fields = new FieldReader(bytes);
        if (fields.Int32() is var protocol && protocol != Protocol)
            throw new InvalidDataException($"a server speaks version {protocol} of the protocol between servers, expected {Protocol}");
        var stateVersion = fields.Int32();
        return new(Encoding.UTF8.GetString(fields.Rest.Span), stateVersion);
    }
}

/// <summary>Asks for a vote, or whether there would be one; the indices are of the candidate's last entry.</summary>
internal readonly record struct VoteRequest(long Term, long LastIndex, long LastTerm) : IMessage
{
    public void WriteTo(IBufferWriter<byte> output)
    {
        output.Add(Term);
        output.Add(LastIndex);
        output.Add(LastTerm);
    }

    public static VoteRequest Parse(ReadOnlyMemory<byte> bytes)
    {
        var fields = new FieldReader(bytes);
        return new(fields.Int64(), fields.Int64(), fields.Int64());
    }
}

internal readonly record struct SynchronizeRequest(long CommitIndex) : IMessage
{
    public void WriteTo(IBufferWriter<byte> output) => output.Add(CommitIndex);

    public static SynchronizeRequest Parse(ReadOnlyMemory<byte> bytes) => new(new FieldReader(bytes).Int64());
}

/// <param name="Entries">In the form of <see cref="EntryChunk"/>.</param>
internal readonly record struct AppendRequest(long Term, long PrevIndex, long PrevTerm, long CommitIndex, int Count, ReadOnlyMemory<byte> Entries)
    : IMessage
{
    public void WriteTo(IBufferWriter<byte> output)
    {
        output.Add(Term);
        output.Add(PrevIndex);
        output.Add(PrevTerm);
        output.Add(CommitIndex);
        output.Add(Count);
        output.Write(Entries.Span);
    }

    public static AppendRequest Parse(ReadOnlyMemory<byte> bytes)
    {
        var fields = new FieldReader(bytes);
        return new(fields.Int64(), fields.Int64(), fields.Int64(), fields.Int64(), fields.Int32(), fields.Rest);
    }
}

/// <summary>Offers a snapshot of <paramref name="Length"/> bytes and the list of members that goes with it.</summary>
internal sealed record SnapshotRequest(long Term, long Index, long SnapshotTerm, long Length, long MembersVersion, ReadOnlyMemory<byte> Members)
    : IMessage
{
    public void WriteTo(IBufferWriter<byte> output)
    {
        output.Add(Term);
        output.Add(Index);
        output.Add(SnapshotTerm);
        output.Add(Length);
        output.Add(MembersVersion);
        output.Write(Members.Span);
    }

    public static SnapshotRequest Parse(ReadOnlyMemory<byte> bytes)
    {
        var fields = new FieldReader(bytes);
        return new(fields.Int64(), fields.Int64(), fields.Int64(), fields.Int64(), fields.Int64(), fields.Rest.ToArray());
    }
}

/// <summary>
/// The answer to every request: the answering server's term, a value whose meaning depends on the request (a vote, a
/// <see cref="HeartbeatResult"/>, whether it leads), and an index of its log.
/// </summary>
internal readonly record struct Answer(long Term, byte Value, long Index) : IMessage
{
    public void WriteTo(IBufferWriter<byte> output)
    {
        output.Add(Term);
        output.Add(Value);
        output.Add(Index);
    }

    public static Answer Parse(ReadOnlyMemory<byte> bytes)
    {
        var fields = new FieldReader(bytes);
        return new(fields.Int64(), fields.Byte(), fields.Int64());
    }
}
