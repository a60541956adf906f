using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Orchestrator.Oci;
using Orchestrator.Oci.Archives;
using TarEntry = System.Formats.Tar.TarEntry;

namespace Orchestrator.Tests.Oci;

/// <summary>A small image in memory, its layers written by System.Formats.Tar: another hand than the one that reads them.</summary>
internal sealed record TestImage(FetchedManifest Manifest, IReadOnlyDictionary<Digest, byte[]> Blobs, IReadOnlyList<Digest> Layers)
{
    public static TestImage Of(params byte[][] layerTars) => Of(new Platform("linux", Platform.Current.Architecture), layerTars, null);

    /// <param name="diffIds">Null: the true ones.</param>
    public static TestImage Of(Platform platform, byte[][] layerTars, Digest[]? diffIds)
    {
        var blobs = new Dictionary<Digest, byte[]>();
        var config = Add(blobs, MediaTypes.OciConfig, JsonSerializer.SerializeToUtf8Bytes(new ImageConfig
        {
            Os = platform.Os,
            Architecture = platform.Architecture,
            Variant = platform.Variant,
            RootFs = new RootFs { DiffIds = diffIds ?? [.. layerTars.Select(t => Digest.Of(t))] },
            Execution = new ExecutionParameters { Cmd = ["/bin/true"], Env = ["PATH=/bin"] },
        }, OciJson.Default.ImageConfig));
        var layers = layerTars.Select(t => Add(blobs, MediaTypes.OciLayerGzip, Gzip(t))).ToArray();
        var manifest = JsonSerializer.SerializeToUtf8Bytes(new Manifest { MediaType = MediaTypes.OciManifest, Config = config, Layers = layers }, OciJson.Default.Manifest);
        return new TestImage(new FetchedManifest(Digest.Of(manifest), MediaTypes.OciManifest, manifest), blobs, [.. layers.Select(l => l.Digest)]);
    }

    public async Task WriteArchiveAsync(string path, string name = "test:1")
    {
        await using var file = File.Create(path);
        await using var writer = new OciArchiveWriter(file);
        foreach (var (digest, content) in Blobs)
            await writer.AddBlobAsync(new Descriptor { Digest = digest, Size = content.Length }, new MemoryStream(content), default);
        await writer.AddImageAsync(Manifest, ImageReference.Parse(name), default);
    }

    public static byte[] Tar(params TarEntry[] entries) => Tar(entries.AsEnumerable());

    public static byte[] Tar(IEnumerable<TarEntry> entries)
    {
        var tar = new MemoryStream();
        using (var writer = new TarWriter(tar, TarEntryFormat.Pax, leaveOpen: true))
        {
            foreach (var entry in entries)
                writer.WriteEntry(entry);
        }
        return tar.ToArray();
    }

    public static PaxTarEntry FileEntry(string name, string content = "", int mode = 0x1A4, Dictionary<string, string>? pax = null) =>
        new(TarEntryType.RegularFile, name, pax ?? []) { DataStream = new MemoryStream(Encoding.UTF8.GetBytes(content)), Mode = (UnixFileMode)mode };

    public static PaxTarEntry DirectoryEntry(string name, int mode = 0x1ED) => new(TarEntryType.Directory, name) { Mode = (UnixFileMode)mode };

    public static PaxTarEntry LinkEntry(TarEntryType type, string name, string target) => new(type, name) { LinkName = target };

    public static byte[] Gzip(byte[] content)
    {
        var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.Fastest, leaveOpen: true))
            gzip.Write(content);
        return compressed.ToArray();
    }

    private static Descriptor Add(Dictionary<Digest, byte[]> blobs, string mediaType, byte[] content)
    {
        blobs[Digest.Of(content)] = content;
        return new Descriptor { MediaType = mediaType, Digest = Digest.Of(content), Size = content.Length };
    }
}
