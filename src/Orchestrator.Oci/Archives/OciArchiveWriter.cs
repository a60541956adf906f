using System.Formats.Tar;
using System.Text;
using System.Text.Json;

namespace Orchestrator.Oci.Archives;

/// <summary>Writes an OCI layout as one tar: blobs as they come, the index last.</summary>
public sealed class OciArchiveWriter(Stream to) : IAsyncDisposable
{
    private readonly TarWriter _tar = new(to, TarEntryFormat.Ustar, leaveOpen: true);
    private readonly HashSet<Digest> _written = [];
    private readonly List<Descriptor> _images = [];

    /// <summary>Adds a blob; one that was added already is passed over.</summary>
    /// <param name="content">Exactly what the descriptor names; it is not verified here. A stream that cannot seek is read into memory.</param>
    public async Task AddBlobAsync(Descriptor blob, Stream content, CancellationToken cancellation)
    {
        if (_written.Add(blob.Digest))
            await AddAsync($"blobs/{blob.Digest.Algorithm}/{blob.Digest.Hex}", content, cancellation);
    }

    /// <summary>Adds a manifest or index, whose blobs are in the archive already, as an image of the given name.</summary>
    public async Task AddImageAsync(FetchedManifest image, ImageReference? name, CancellationToken cancellation)
    {
        var descriptor = new Descriptor { MediaType = image.MediaType, Digest = image.Digest, Size = image.Content.Length };
        await AddBlobAsync(descriptor, new MemoryStream(image.Content, writable: false), cancellation);
        _images.Add(descriptor with { Annotations = name is null ? null : new Dictionary<string, string> { ["io.containerd.image.name"] = name.ToString(), ["org.opencontainers.image.ref.name"] = name.Tag ?? name.ToString() } });
    }

    /// <summary>Writes what makes the tar an image layout, and its end.</summary>
    public async ValueTask DisposeAsync()
    {
        var index = new ImageIndex { MediaType = MediaTypes.OciIndex, Manifests = _images };
        await AddAsync("oci-layout", new MemoryStream(Encoding.ASCII.GetBytes("""{"imageLayoutVersion":"1.0.0"}""")), CancellationToken.None);
        await AddAsync("index.json", new MemoryStream(JsonSerializer.SerializeToUtf8Bytes(index, OciJson.Default.ImageIndex)), CancellationToken.None);
        await _tar.DisposeAsync();
    }

    private Task AddAsync(string name, Stream content, CancellationToken cancellation) =>
        _tar.WriteEntryAsync(new UstarTarEntry(TarEntryType.RegularFile, name) { DataStream = content, ModificationTime = DateTimeOffset.UnixEpoch }, cancellation);
}
