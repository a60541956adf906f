using System.Formats.Tar;
using Google.Protobuf;
using Grpc.Core;
using Orchestrator.Model;

namespace Orchestrator.Cli.Commands.Containers;

/// <summary>Where `orc cp` puts things is decided as `cp -r` does: into a directory that is there, else under the target's own name.</summary>
internal sealed class CopyFlow(Session session, bool archive, bool followLink)
{
    private const int ChunkBytes = 256 * 1024;

    public async Task<int> RunAsync(string source, string target, CancellationToken cancellation)
    {
        switch (Split(source), Split(target))
        {
            case (({ } container, var path), (null, var here)):
                await OutAsync(container, path, here, cancellation);
                return ExitCode.Done;
            case ((null, var here), ({ } container, var path)):
                await InAsync(here, container, path, cancellation);
                return ExitCode.Done;
            default:
                throw new RefusedException("one of both must be CONTAINER:PATH, and only one", ExitCode.Usage);
        }
    }

    private async Task OutAsync(string container, string path, string target, CancellationToken cancellation)
    {
        using var call = session.Containers.CopyOut(new CopyOutRequest { Name = container, Path = path, FollowLink = followLink }, cancellationToken: cancellation);
        if (target == "-")
        {
            await foreach (var chunk in call.ResponseStream.ReadAllAsync(cancellation))
                await session.Streams.RawOut.WriteAsync(chunk.Data.Memory, cancellation);
            return;
        }
        var temporary = Path.GetTempFileName();
        try
        {
            await using (var file = File.Create(temporary))
                await foreach (var chunk in call.ResponseStream.ReadAllAsync(cancellation))
                    await file.WriteAsync(chunk.Data.Memory, cancellation);
            await using var tar = File.OpenRead(temporary);
            await ExtractAsync(tar, path, target, cancellation);
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    private async Task ExtractAsync(Stream tar, string path, string target, CancellationToken cancellation)
    {
        await using var reader = new TarReader(tar);
        var into = Directory.Exists(target);
        if (!into && (target.EndsWith('/') || !Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(target)))))
            throw new RefusedException($"there is no directory {(target.EndsWith('/') ? target : Path.GetDirectoryName(Path.GetFullPath(target)))}");
        var contents = path.EndsWith("/.", StringComparison.Ordinal) || path.Trim('/').Length == 0;
        string? root = null;
        while (await reader.GetNextEntryAsync(copyData: false, cancellation) is { } entry)
        {
            var parts = entry.Name.Split('/', StringSplitOptions.RemoveEmptyEntries).Where(p => p != ".").ToArray();
            root ??= contents || parts.Length == 0 ? "" : parts[0];
            var rest = into || root.Length == 0 ? parts : parts[Math.Min(1, parts.Length)..];
            // The container is not trusted to say where its files go.
            if (rest.Contains("..") || (root.Length > 0 && parts[0] != root))
                throw new RefusedException($"the agent sent an entry \"{entry.Name}\", which leads out of what was asked for");
            await ExtractAsync(entry, rest.Length == 0 ? target : Path.Combine([target, .. rest]), target, cancellation);
        }
    }

    private async Task ExtractAsync(TarEntry entry, string path, string target, CancellationToken cancellation)
    {
        // A link among the files may not lead the next ones elsewhere.
        for (var parent = Path.GetDirectoryName(path); parent is not null && parent.Length > target.Length; parent = Path.GetDirectoryName(parent))
            if (new FileInfo(parent).LinkTarget is not null)
                throw new RefusedException($"{parent} is a link, and nothing is written through it");
        switch (entry.EntryType)
        {
            case TarEntryType.Directory:
                Directory.CreateDirectory(path);
                break;
            case TarEntryType.HardLink:
                throw new RefusedException($"the agent sent a hard link {entry.Name}");
            case TarEntryType.SymbolicLink:
                File.Delete(path);
                File.CreateSymbolicLink(path, entry.LinkName);
                break;
            case TarEntryType.RegularFile or TarEntryType.V7RegularFile:
                if (new FileInfo(path).LinkTarget is not null)
                    File.Delete(path);
                await entry.ExtractToFileAsync(path, overwrite: true, cancellation);
                break;
            default:
                session.Error.WriteLine($"orc: {entry.Name} is left out: it is a {entry.EntryType}");
                break;
        }
        if (archive && entry.EntryType is TarEntryType.Directory or TarEntryType.RegularFile)
            File.SetUnixFileMode(path, entry.Mode);
    }

    private async Task InAsync(string source, string container, string path, CancellationToken cancellation)
    {
        using var call = session.Containers.CopyIn(cancellationToken: cancellation);
        await call.RequestStream.WriteAsync(new CopyChunk { Start = new CopyStart { Name = container, Path = path, Archive = archive } }, cancellation);
        if (source == "-")
            await SendAsync(call.RequestStream, session.Streams.In, cancellation);
        else
            await PackAsync(call.RequestStream, source, cancellation);
        await call.RequestStream.CompleteAsync();
        await call;
    }

    private async Task PackAsync(IClientStreamWriter<CopyChunk> stream, string source, CancellationToken cancellation)
    {
        if (!Path.Exists(source) && new FileInfo(source).LinkTarget is null)
            throw new RefusedException($"there is no {source}");
        var temporary = Path.GetTempFileName();
        try
        {
            await using (var file = File.Create(temporary))
            await using (var writer = new TarWriter(file, TarEntryFormat.Pax, leaveOpen: false))
                await AddAsync(writer, Real(source), RootName(source), cancellation);
            await using var tar = File.OpenRead(temporary);
            await SendAsync(stream, tar, cancellation);
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    private string Real(string source) =>
        followLink && new FileInfo(source.TrimEnd('/')).ResolveLinkTarget(returnFinalTarget: true) is { } real ? real.FullName : source;

    // "." stands for what is in the directory, without the directory.
    private static string RootName(string source) =>
        source.EndsWith("/.", StringComparison.Ordinal) || source == "." ? "." : Path.GetFileName(Path.GetFullPath(source).TrimEnd('/')) is { Length: > 0 } name ? name : ".";

    private static async Task AddAsync(TarWriter writer, string path, string name, CancellationToken cancellation)
    {
        var isLink = new FileInfo(path.TrimEnd('/')).LinkTarget is not null;
        await writer.WriteEntryAsync(path.Length > 1 ? path.TrimEnd('/') : path, name, cancellation);
        if (isLink || !Directory.Exists(path))
            return;
        foreach (var child in Directory.EnumerateFileSystemEntries(path).Order(StringComparer.Ordinal))
            await AddAsync(writer, child, $"{name}/{Path.GetFileName(child)}", cancellation);
    }

    private static async Task SendAsync(IClientStreamWriter<CopyChunk> stream, Stream from, CancellationToken cancellation)
    {
        var buffer = new byte[ChunkBytes];
        int read;
        while ((read = await from.ReadAsync(buffer, cancellation)) > 0)
            await stream.WriteAsync(new CopyChunk { Data = ByteString.CopyFrom(buffer, 0, read) }, cancellation);
    }

    /// <summary>"web:/etc": a path that begins with . or / is one of this machine.</summary>
    private static (string? Container, string Path) Split(string text)
    {
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        return text[0] is '/' or '.' || colon < 1 || text[..colon].Contains('/', StringComparison.Ordinal) ? (null, text) : (text[..colon], text[(colon + 1)..]);
    }
}
