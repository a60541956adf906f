using System.Collections.Concurrent;
using Microsoft.AspNetCore.Http;
using Orchestrator.Engine.Images;
using Orchestrator.Oci;
using Orchestrator.Tests.Oci;
using Xunit;
using static Orchestrator.Tests.Oci.TestImage;

namespace Orchestrator.Tests.Engine.Images;

public sealed class ImageStoreTests : IAsyncLifetime
{
    private static readonly byte[] s_base = Tar(FileEntry("base", new string('b', 100_000)));
    private static readonly TestImage s_one = Of(s_base, Tar(FileEntry("one")));
    private static readonly TestImage s_two = Of(s_base, Tar(FileEntry("two")));

    private readonly TemporaryStore _store = new();
    private FaultyRegistry _registry = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _registry = await FaultyRegistry.StartAsync();

    public ValueTask DisposeAsync()
    {
        _store.Dispose();
        return _registry.DisposeAsync();
    }

    [Fact]
    public async Task Pulls_at_once_share_their_layers()
    {
        var references = new[] { _registry.Add("one:1", s_one), _registry.Add("two:1", s_two) };
        var images = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => _store.Store.PullAsync(references[i % 2], null, null, Stop)));
        Assert.All(s_one.Layers.Union(s_two.Layers), layer => Assert.Equal(1, _registry.Count($"/blobs/{layer}")));
        Assert.Equal(images[0].LayerDirectories[^1], images[1].LayerDirectories[^1]);
        Assert.True(File.Exists(images[0].LayerDirectories[0] + "/one"));
        Assert.True(File.Exists(images[0].LayerDirectories[1] + "/base"));
    }

    [Fact]
    public async Task An_image_that_is_here_is_not_asked_for_again()
    {
        var reference = _registry.Add("one:1", s_one);
        var pulled = await _store.Store.PullAsync(reference, null, null, Stop);
        _store.Reopen();
        var before = _registry.Requests.Count;
        var found = await _store.Store.PullAsync(_registry.Reference("one:stable"), pulled.Digest, null, Stop);
        Assert.Equal(before, _registry.Requests.Count);
        Assert.Equal(pulled.LayerDirectories, found.LayerDirectories);
        Assert.Equal([$"{_registry.Address}/one:1", $"{_registry.Address}/one:stable"], found.References);
        Assert.Equal(["/bin/true"], found.Config.Cmd);
    }

    [Fact]
    public async Task Progress_tells_each_layer_to_its_end()
    {
        var reports = new ConcurrentQueue<PullProgress>();
        var reference = _registry.Add("one:1", s_one);
        await _store.Store.PullAsync(reference, null, new Recorder(reports), Stop);
        foreach (var layer in s_one.Layers)
        {
            var own = reports.Where(r => r.Layer == layer).ToList();
            Assert.Equal([PullStage.Downloading, PullStage.Unpacking, PullStage.Done], own.Select(r => r.Stage).Distinct());
            Assert.All(own, r => Assert.InRange(r.Bytes, 0, r.Total));
            Assert.Equal(s_one.Blobs[layer].Length, own[^1].Bytes);
        }
    }

    [Fact]
    public async Task A_missing_or_corrupt_layer_is_named_and_nothing_half_made_stays()
    {
        var reference = _registry.Add("one:1", s_one);
        var bad = s_one.Layers[1];
        foreach (var corrupt in new[] { true, false })
        {
            _registry.Fault = async context =>
            {
                if (!context.Request.Path.Value!.EndsWith(bad.Hex, StringComparison.Ordinal))
                    return false;
                await (corrupt ? Results.Bytes(new byte[s_one.Blobs[bad].Length]) : Results.NotFound()).ExecuteAsync(context);
                return true;
            };
            var error = await Assert.ThrowsAsync<RegistryException>(() => _store.Store.PullAsync(reference, null, null, Stop));
            Assert.Equal((corrupt ? RegistryFailure.DigestMismatch : RegistryFailure.NotFound, bad), (error.Failure, error.Blob!.Value));
            Assert.Empty(_store.Store.Images);
            Assert.DoesNotContain(_store.Content, p => p.Contains(bad.Hex, StringComparison.Ordinal) || p.StartsWith("images", StringComparison.Ordinal));
        }
        _registry.Fault = _ => Task.FromResult(false);
        Assert.Equal(2, (await _store.Store.PullAsync(reference, null, null, Stop)).LayerDirectories.Count);
    }

    [Fact]
    public async Task A_layer_that_is_not_what_the_config_says_is_refused()
    {
        var lie = Of(Platform.Current, [s_base], [Digest.Of("other"u8)]);
        var error = await Assert.ThrowsAsync<InvalidDataException>(() => _store.LoadAsync(lie));
        Assert.Contains($"layer {lie.Layers[0]} of image", error.Message, StringComparison.Ordinal);
        Assert.Contains($"diff id {Digest.Of(s_base)}, the image's config says {Digest.Of("other"u8)}", error.Message, StringComparison.Ordinal);
        Assert.Empty(_store.Content);
    }

    [Fact]
    public async Task A_layer_whose_compression_is_broken_is_named()
    {
        var good = Of(s_base);
        var blob = (byte[])good.Blobs[good.Layers[0]].Clone();
        blob[blob.Length / 2] ^= 0xff;
        var bytes = System.Text.Encoding.UTF8.GetString(good.Manifest.Content).Replace(good.Layers[0].ToString(), Digest.Of(blob).ToString(), StringComparison.Ordinal);
        var manifest = System.Text.Encoding.UTF8.GetBytes(bytes);
        var blobs = new Dictionary<Digest, byte[]>(good.Blobs) { [Digest.Of(blob)] = blob };
        var broken = new TestImage(new FetchedManifest(Digest.Of(manifest), MediaTypes.OciManifest, manifest), blobs, [Digest.Of(blob)]);
        var error = await Assert.ThrowsAsync<InvalidDataException>(() => _store.LoadAsync(broken));
        Assert.Contains($"layer {Digest.Of(blob)} of image", error.Message, StringComparison.Ordinal);
        Assert.Empty(_store.Content);
    }

    [Fact]
    public async Task The_last_caller_to_give_up_stops_the_pull()
    {
        var reference = _registry.Add("one:1", s_one);
        var aborted = new TaskCompletionSource();
        var joined = new[] { new FirstReport(), new FirstReport() };
        _registry.Fault = async context =>
        {
            if (!context.Request.Path.Value!.EndsWith(s_one.Layers[0].Hex, StringComparison.Ordinal))
                return false;
            context.RequestAborted.Register(() => aborted.TrySetResult());
            // A byte now and then, until both callers hear of the one download.
            for (var sent = 0; sent < s_one.Blobs[s_one.Layers[0]].Length - 1 && !joined.All(j => j.Heard.IsCompleted); sent++)
            {
                await context.Response.Body.WriteAsync(new byte[1], context.RequestAborted);
                await Task.WhenAny(Task.WhenAll(joined.Select(j => j.Heard)), Task.Delay(20, context.RequestAborted));
            }
            await aborted.Task;
            return true;
        };
        using var first = new CancellationTokenSource();
        using var second = new CancellationTokenSource();
        var pulls = new[] { first, second }.Zip(joined, (c, j) => _store.Store.PullAsync(reference, null, j, c.Token)).ToList();
        await Task.WhenAll(joined.Select(j => j.Heard)).WaitAsync(Stop);
        await first.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => pulls[0]);
        Assert.False(aborted.Task.IsCompleted);
        await second.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => pulls[1]);
        await aborted.Task.WaitAsync(Stop);
    }

    [Fact]
    public async Task Removing_an_image_keeps_what_others_need()
    {
        var one = await _store.LoadAsync(s_one);
        var two = await _store.LoadAsync(s_two);
        Assert.True(_store.Store.Remove(one.Digest));
        Assert.False(_store.Store.Remove(one.Digest));
        Assert.False(Directory.Exists(one.LayerDirectories[0]));
        Assert.All(two.LayerDirectories, d => Assert.True(Directory.Exists(d)));
        Assert.Empty(_store.Store.Prune(new HashSet<Digest> { two.ManifestDigest }));
        Assert.Equal(two.Digest, Assert.Single(_store.Store.Prune(new HashSet<Digest>())).Digest);
        Assert.Empty(_store.Content);
    }

    [Fact]
    public async Task A_layer_that_occurs_twice_is_listed_at_its_highest_place()
    {
        var other = Tar(FileEntry("other"));
        var image = await _store.LoadAsync(Of(s_base, other, s_base));
        Assert.Equal([Digest.Of(s_base).Hex, Digest.Of(other).Hex], image.LayerDirectories.Select(Path.GetFileName));
    }

    [Fact]
    public async Task What_a_crash_left_is_cleaned_and_what_the_disk_lost_is_made_again()
    {
        var image = await _store.LoadAsync(s_one);
        var other = await _store.LoadAsync(s_two);
        _store.Reopen(() =>
        {
            Directory.CreateDirectory(_store.Root + "/tmp/17/deep");
            File.WriteAllText(_store.Root + "/tmp/18", "half");
            // A layer that was not on the disk when another boot began.
            File.WriteAllText($"{_store.Root}/unsynced/{Path.GetFileName(image.LayerDirectories[0])}", "another boot");
        });
        Assert.Empty(Directory.EnumerateFileSystemEntries(_store.Root + "/tmp"));
        Assert.Null(_store.Store.Find(image.Digest));
        Assert.NotNull(_store.Store.Find(other.Digest));
        Assert.Equal(image.LayerDirectories, (await _store.LoadAsync(s_one)).LayerDirectories);
        Assert.True(File.Exists(image.LayerDirectories[0] + "/one"));
    }

    [Fact]
    public void A_store_has_one_user()
    {
        using var client = new RegistryClient(new RegistryOptions());
        Assert.Contains("in use by another process", Assert.Throws<IOException>(() => new ImageStore(_store.Root, client)).Message, StringComparison.Ordinal);
    }

    private sealed class Recorder(ConcurrentQueue<PullProgress> reports) : IProgress<PullProgress>
    {
        public void Report(PullProgress value) => reports.Enqueue(value);
    }

    private sealed class FirstReport : IProgress<PullProgress>
    {
        private readonly TaskCompletionSource _heard = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Heard => _heard.Task;

        public void Report(PullProgress value) => _heard.TrySetResult();
    }
}
