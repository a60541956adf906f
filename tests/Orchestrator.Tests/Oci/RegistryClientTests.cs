using System.Formats.Tar;
using System.Net;
using System.Net.Sockets;
using Orchestrator.Oci;
using Orchestrator.Oci.Archives;
using Xunit;

namespace Orchestrator.Tests.Oci;

/// <summary>Against a real registry.</summary>
public sealed class RegistryClientTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("orc-push-");
    private readonly RegistryClient _client = new(new RegistryOptions { RetryDelay = TimeSpan.FromMilliseconds(1) });

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _client.Dispose();
        _directory.Delete(recursive: true);
    }

    [Theory]
    [InlineData(LayerCompression.Gzip)]
    [InlineData(LayerCompression.Zstd)]
    [InlineData(LayerCompression.None)]
    public async Task An_imported_image_resolves_with_what_was_asked_for(LayerCompression compression)
    {
        using var registry = await DebianRegistry.StartAsync();
        var options = new ImportOptions
        {
            Entrypoint = ["/e"], Cmd = ["a", "b"], Env = ["A=b=c"], User = "1:2", WorkingDir = "/w", StopSignal = "SIGINT", ExposedPorts = ["80", "53/udp"], Volumes = ["/data"],
            Labels = new Dictionary<string, string> { ["l"] = "v" }, Compression = compression,
        };
        string[] layers = [Write("base.tar", TestImage.Tar(TestImage.FileEntry("a", "1"))), Write("top.tar.gz", TestImage.Gzip(TestImage.Tar(TestImage.FileEntry("b", "2"))))];
        var digest = await new ImagePublisher(_client).ImportAsync(layers, registry.Reference("some/app:1"), options, null, Stop);

        var resolved = await _client.ResolveAsync(registry.Reference("some/app:1"), null, Stop);
        Assert.Equal(digest, resolved.Digest);
        Assert.Equal(digest, (await _client.ResolveAsync(registry.Reference($"some/app@{digest}"), null, Stop)).Digest);
        Assert.Equal(digest, await new ImagePublisher(_client).ImportAsync(layers, registry.Reference("some/app:2"), options, null, Stop));
        Assert.Equal(digest, await ImagePublisher.ImportToArchiveAsync(layers, Path.Combine(_directory.FullName, "image.tar"), null, options, null, Stop));
        var config = resolved.Config;
        Assert.Equal(("/e", "a b", "A=b=c", "1:2", "/w", "SIGINT"), (config.Entrypoint[0], string.Join(' ', config.Cmd), config.Env[0], config.User, config.WorkingDir, config.StopSignal));
        Assert.Equal(["80/tcp", "53/udp"], config.ExposedPorts);
        Assert.Equal(["/data"], config.Volumes);
        Assert.Equal("v", config.Labels["l"]);
        Assert.Equal(2, resolved.Manifest.Layers.Count);
    }

    [Fact]
    public async Task An_archive_is_pushed_as_it_is()
    {
        using var registry = await DebianRegistry.StartAsync();
        var image = TestImage.Of(TestImage.Tar(TestImage.FileEntry("a")));
        var archive = Path.Combine(_directory.FullName, "oci.tar");
        await image.WriteArchiveAsync(archive);
        var reports = new List<PushProgress>();
        var digest = await new ImagePublisher(_client).PushArchiveAsync(archive, registry.Reference("x:1"), new Recorder(reports), Stop);
        Assert.Equal(image.Manifest.Digest, digest);
        Assert.Equal(image.Manifest.Content, (await _client.GetManifestAsync(registry.Reference("x:1"), Stop)).Content);
        Assert.Contains(reports, r => r.Bytes == r.Total && r.Total > 0);
    }

    [Fact]
    public async Task An_archive_by_docker_save_becomes_an_image()
    {
        using var registry = await DebianRegistry.StartAsync();
        var layer = TestImage.Tar(TestImage.FileEntry("a", "1"));
        var config = $$$"""{"architecture":"{{{Platform.Current.Architecture}}}","os":"linux","rootfs":{"type":"layers","diff_ids":["{{{Digest.Of(layer)}}}","{{{Digest.Of(layer)}}}"]}}""";
        var save = TestImage.Gzip(TestImage.Tar(
            TestImage.FileEntry("abc.json", config),
            new PaxTarEntry(TarEntryType.RegularFile, "1/layer.tar") { DataStream = new MemoryStream(layer) },
            TestImage.LinkEntry(TarEntryType.SymbolicLink, "2/layer.tar", "../1/layer.tar"),
            TestImage.FileEntry("manifest.json", """[{"Config":"abc.json","RepoTags":["app:7"],"Layers":["1/layer.tar","2/layer.tar"]}]""")));
        var path = Write("save.tar.gz", save);
        using (var archive = await ImageArchive.OpenAsync(path, Stop))
            Assert.Equal(["docker.io/library/app:7"], Assert.Single(archive.Images).References);
        await new ImagePublisher(_client).PushArchiveAsync(path, registry.Reference("app:7"), null, Stop);
        var resolved = await _client.ResolveAsync(registry.Reference("app:7"), null, Stop);
        Assert.Equal([Digest.Of(layer), Digest.Of(layer)], resolved.Config.DiffIds);
    }

    [Fact]
    public async Task What_is_missing_is_named_and_told_from_what_is_unreachable()
    {
        var gone = new TcpListener(IPAddress.Loopback, 0);
        gone.Start();
        var address = gone.LocalEndpoint.ToString()!;
        gone.Stop();
        var unreachable = await Assert.ThrowsAsync<RegistryException>(() => _client.ResolveAsync(ImageReference.Parse($"{address}/x:1"), null, Stop));
        Assert.Equal(RegistryFailure.Unreachable, unreachable.Failure);
        Assert.Contains($"image {address}/x:1: unreachable: connection refused", unreachable.Message, StringComparison.Ordinal);

        using var registry = await DebianRegistry.StartAsync();
        var missing = await Assert.ThrowsAsync<RegistryException>(() => _client.ResolveAsync(registry.Reference("x:1"), null, Stop));
        Assert.Equal((RegistryFailure.NotFound, HttpStatusCode.NotFound), (missing.Failure, missing.Status));
        Assert.Contains($"image {registry.Address}/x:1: not found", missing.Message, StringComparison.Ordinal);
        Assert.False(await _client.HasBlobAsync(registry.Reference("x:1"), Digest.Of("nothing"u8), Stop));
    }

    [Fact]
    public async Task A_blob_that_the_registry_lost_or_spoiled_is_named()
    {
        using var registry = await DebianRegistry.StartAsync();
        var image = TestImage.Of(TestImage.Tar(TestImage.FileEntry("a")));
        var archive = Path.Combine(_directory.FullName, "oci.tar");
        await image.WriteArchiveAsync(archive);
        var reference = registry.Reference("x:1");
        await new ImagePublisher(_client).PushArchiveAsync(archive, reference, null, Stop);
        var layer = (await _client.ResolveAsync(reference, null, Stop)).Manifest.Layers[0];
        var file = registry.BlobFile(layer.Digest);
        var content = await File.ReadAllBytesAsync(file, Stop);
        content[^9] ^= 1;
        await File.WriteAllBytesAsync(file, content, Stop);
        var spoiled = await Assert.ThrowsAsync<RegistryException>(() => _client.DownloadBlobAsync(reference, layer, new MemoryStream(), null, Stop));
        Assert.Equal((RegistryFailure.DigestMismatch, layer.Digest), (spoiled.Failure, spoiled.Blob!.Value));
        File.Delete(file);
        var lost = await Assert.ThrowsAsync<RegistryException>(() => _client.DownloadBlobAsync(reference, layer, new MemoryStream(), null, Stop));
        Assert.Equal((RegistryFailure.NotFound, layer.Digest), (lost.Failure, lost.Blob!.Value));
    }

    [Fact]
    public async Task Bad_input_to_an_import_is_refused_before_anything_is_sent()
    {
        var tar = Write("a.tar", TestImage.Tar(TestImage.FileEntry("a")));
        var target = ImageReference.Parse("127.0.0.1:1/x");
        var publisher = new ImagePublisher(_client);
        Assert.Contains("env \"A\"", (await Assert.ThrowsAsync<FormatException>(() => publisher.ImportAsync([tar], target, new ImportOptions { Env = ["A"] }, null, Stop))).Message, StringComparison.Ordinal);
        Assert.Contains("\"70000\"", (await Assert.ThrowsAsync<FormatException>(() => publisher.ImportAsync([tar], target, new ImportOptions { ExposedPorts = ["70000"] }, null, Stop))).Message, StringComparison.Ordinal);
        var junk = Write("junk", new byte[100]);
        Assert.Contains($"{junk} is not a tar", (await Assert.ThrowsAsync<InvalidDataException>(() => publisher.ImportAsync([junk], target, new ImportOptions(), null, Stop))).Message, StringComparison.Ordinal);
        Assert.Contains(junk, (await Assert.ThrowsAsync<InvalidDataException>(() => publisher.PushArchiveAsync(junk, target, null, Stop))).Message, StringComparison.Ordinal);
    }

    private string Write(string name, byte[] content)
    {
        var path = Path.Combine(_directory.FullName, name);
        File.WriteAllBytes(path, content);
        return path;
    }

    private sealed class Recorder(List<PushProgress> reports) : IProgress<PushProgress>
    {
        public void Report(PushProgress value) => reports.Add(value);
    }
}
