using DotNext.IO;
using DotNext.IO.Log;
using DotNext.Net.Cluster.Consensus.Raft;

namespace Orchestrator.Control.Store.Peers;

/// <summary>A snapshot that has arrived whole and waits in a file to be installed.</summary>
internal sealed class ReceivedSnapshot(string path, long term, long length) : IRaftLogEntry
{
    public long Term => term;

    public long? Length => length;

    public bool IsReusable => true;

    bool ILogEntry.IsSnapshot => true;

    public async ValueTask WriteToAsync<TWriter>(TWriter writer, CancellationToken token)
        where TWriter : IAsyncBinaryWriter
    {
        var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 64 << 10, FileOptions.Asynchronous);
        await using (file.ConfigureAwait(false))
            await writer.CopyFromAsync(file, null, token).ConfigureAwait(false);
    }
}
