using CsCheck;
using Orchestrator.Control.Store;
using Orchestrator.Model;
using Xunit;

namespace Orchestrator.Tests.Control.Store;

public sealed class SnapshotFormatTests
{
    [Fact]
    public void What_is_written_is_read() =>
        Gen.Int[0, 300].Sample(stacks =>
        {
            var state = StateWith(stacks);
            var (read, index, term) = SnapshotFormat.Read(new MemoryStream(Written(state)));
            return (index, term) == (7, 3) && read.Digest().SequenceEqual(state.Digest());
        }, iter: 20);

    [Fact]
    public void A_snapshot_that_ends_early_is_refused()
    {
        var whole = Written(StateWith(50));
        Gen.Int[0, whole.Length - 1].Sample(length => Refused(whole[..length]));
    }

    [Fact]
    public void A_snapshot_with_a_damaged_byte_is_refused()
    {
        var whole = Written(StateWith(50));
        Gen.Select(Gen.Int[0, whole.Length - 1], Gen.Int[1, 255]).Sample((at, flip) =>
        {
            var damaged = whole.ToArray();
            damaged[at] ^= (byte)flip;
            return Refused(damaged);
        });
    }

    [Fact]
    public void Entries_carry_their_changes_and_batch() =>
        Gen.Int[1, 20].Array[0, 30].Sample(sizes =>
        {
            var entry = new ChangeEntry(Guid.NewGuid(), [.. sizes.Select(s => new Change { RequestId = new string('r', s) })]);
            var parsed = ChangeEntry.Parse(new(entry.ToBytes()));
            return parsed.BatchId == entry.BatchId && parsed.Changes.SequenceEqual(entry.Changes);
        });

    [Fact]
    public void An_entry_of_another_format_is_named()
    {
        var bytes = new ChangeEntry(Guid.NewGuid(), []).ToBytes();
        bytes[0] = 9;
        var error = Assert.Throws<InvalidDataException>(() => ChangeEntry.Parse(new(bytes)));
        Assert.Contains("newer version", error.Message, StringComparison.Ordinal);
    }

    private static bool Refused(byte[] file)
    {
        try
        {
            SnapshotFormat.Read(new MemoryStream(file));
            return false;
        }
        catch (InvalidDataException)
        {
            return true;
        }
    }

    private static byte[] Written(ClusterState state)
    {
        using var file = new MemoryStream();
        SnapshotFormat.Write(file, state, index: 7, term: 3);
        return file.ToArray();
    }

    private static ClusterState StateWith(int stacks) =>
        Enumerable.Range(0, stacks).Aggregate(ClusterState.Empty, (s, i) => s.Apply(StoreCluster.PutStack($"s{i}", $"r{i}"), (ulong)i + 1, 1).State);
}
