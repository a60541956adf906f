using System.Globalization;
using DotNext.IO;
using DotNext.Net.Cluster.Consensus.Raft.StateMachine;

namespace Orchestrator.Control.Store;

/// <summary>A finished snapshot on disk, as the log sends it to followers: the file as it is.</summary>
internal sealed class SnapshotFile(string path, long index, long term, Action? sentAgain = null) : ISnapshot
{
    private int _sent;

    public string Path => path;

    public long Index => index;

    public long Term => term;

    public long? Length { get; } = new FileInfo(path).Length;

    public bool IsReusable => true;

    public static string NameOf(long index, long term) => string.Create(CultureInfo.InvariantCulture, $"{index}-{term}.snapshot");

    /// <summary>Null when the name is not one of <see cref="NameOf"/>.</summary>
    public static SnapshotFile? FromPath(string path, Action? sentAgain = null) =>
        System.IO.Path.GetFileNameWithoutExtension(path).Split('-') is [var index, var term]
        && long.TryParse(index, CultureInfo.InvariantCulture, out var i) && long.TryParse(term, CultureInfo.InvariantCulture, out var t)
            ? new(path, i, t, sentAgain)
            : null;

    public async ValueTask WriteToAsync<TWriter>(TWriter writer, CancellationToken token)
        where TWriter : IAsyncBinaryWriter
    {
        if (Interlocked.Increment(ref _sent) > 1)
            sentAgain?.Invoke();
        var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, 64 << 10, FileOptions.Asynchronous);
        await using (file.ConfigureAwait(false))
            await writer.CopyFromAsync(file, null, token).ConfigureAwait(false);
    }
}
