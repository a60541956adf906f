using DotNext.Buffers;
using DotNext.Net.Cluster.Consensus.Raft.Membership;

namespace Orchestrator.Control.Store;

/// <summary>
/// Makes renames in a directory durable. .NET cannot open a directory to flush it, and this room has no system calls of its own; DotNext's
/// persistent storage flushes the directory of the file that it replaces, so a small file is replaced there.
/// </summary>
internal sealed class DirectoryBarrier : PersistentClusterConfigurationStorage<byte>
{
    private const string FileName = "barrier";
    private long _version;

    public DirectoryBarrier(string directory)
        : base(Path.Combine(directory, FileName)) => File.Delete(Path.Combine(directory, FileName));

    public async ValueTask FlushAsync(CancellationToken token)
    {
        IClusterConfigurationStorage<byte> storage = this;
        var nothing = await storage.LoadConfigurationAsync(token).ConfigureAwait(false);
        // Only replacing flushes the directory, the first write does not.
        if (_version == 0)
            await storage.SaveConfigurationAsync(nothing, ++_version, token).ConfigureAwait(false);
        await storage.SaveConfigurationAsync(nothing, ++_version, token).ConfigureAwait(false);
    }

    protected override void Encode(byte address, ref BufferWriterSlim<byte> output) => output.Add(address);

    protected override byte Decode(ref SequenceReader reader) => reader.ReadLittleEndian<byte>();
}
