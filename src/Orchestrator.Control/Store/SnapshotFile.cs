using System.Globalization;
using DotNext.IO;
using DotNext.Net.Cluster.Consensus.Raft.StateMachine;

namespace Orchestrator.Control.Store;

/// <summary>A finished snapshot on disk, as the log sends it to followers: the file as it is.</summary>
internal sealed class SnapshotFile(string path, long index, long term) : ISnapshot
{
    public string Path => path;

    public long Index => index;

    public long Term => term;

    public long? Length { get; } = new FileInfo(path).Length;

    public bool IsReusable => true;

    public static string NameOf(long index, long term) => string.Create(CultureInfo.InvariantCulture, $"{index}-{term}.snapshot");

    /// <summary>Null when the name is not one of <see cref="NameOf"/>.</summary>
    public static SnapshotFile? FromPath(string path) =>
        System.IO.Path.GetFileNameWithoutExtension(path).Split('-') is [var index, var term]
        && long.TryParse(index, CultureInfo.InvariantCulture, out var i) && long.TryParse(term, CultureInfo.InvariantCulture, out var t)
            ? new(path, i, t)
            : null;

    /// <exception cref="FileNotFoundException">A newer one has replaced it.</exception>
    public FileStream Open() => new(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, 64 << 10, FileOptions.Asynchronous);

    public async ValueTask WriteToAsync<TWriter>(TWriter writer, CancellationToken token)
        where TWriter : IAsyncBinaryWriter
    {
        var file = Open();
        await using (file.ConfigureAwait(false))
            await writer.CopyFromAsync(file, null, token).ConfigureAwait(false);
    }
}
