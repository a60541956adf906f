using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Orchestrator.Oci;
using Xunit;

namespace Orchestrator.Tests.Oci;

public sealed class RegistryFaultTests : IAsyncLifetime
{
    private static readonly TestImage s_image = TestImage.Of(TestImage.Tar(TestImage.FileEntry("f", new string('x', 300_000))), TestImage.Tar(TestImage.FileEntry("g", "y")));
    private static readonly RegistryOptions s_options = new() { RetryDelay = TimeSpan.FromMilliseconds(1), IdleTimeout = TimeSpan.FromSeconds(20) };

    private readonly RegistryClient _client = new(s_options);
    private FaultyRegistry _registry = null!;
    private ImageReference _reference = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _registry = await FaultyRegistry.StartAsync();
        _reference = _registry.Add("some/image:1", s_image);
    }

    public ValueTask DisposeAsync()
    {
        _client.Dispose();
        return _registry.DisposeAsync();
    }

    [Fact]
    public async Task A_registry_that_stumbles_is_asked_again()
    {
        var failures = 3;
        _registry.Fault = context =>
        {
            if (failures-- <= 0)
                return Task.FromResult(false);
            context.Response.StatusCode = 503;
            return Task.FromResult(true);
        };
        Assert.Equal(s_image.Manifest.Digest, (await _client.ResolveAsync(_reference, null, Stop)).Digest);
    }

    [Fact]
    public async Task A_registry_that_stays_down_is_given_up_with_its_status()
    {
        _registry.Fault = context =>
        {
            context.Response.StatusCode = 503;
            return Task.FromResult(true);
        };
        var error = await Assert.ThrowsAsync<RegistryException>(() => _client.ResolveAsync(_reference, null, Stop));
        Assert.Equal((RegistryFailure.BadAnswer, HttpStatusCode.ServiceUnavailable), (error.Failure, error.Status));
        Assert.Contains(_reference.ToString(), error.Message, StringComparison.Ordinal);
        Assert.Equal(s_options.AttemptsMax, _registry.Requests.Count);
    }

    [Fact]
    public async Task A_download_that_breaks_off_goes_on_where_it_was()
    {
        var blob = Layer(0);
        var content = s_image.Blobs[blob.Digest];
        var breaks = 2;
        var arrivals = new Arrivals();
        _registry.Fault = async context =>
        {
            if (breaks-- <= 0)
                return false;
            var from = context.Request.GetTypedHeaders().Range?.Ranges.First().From ?? 0;
            context.Response.StatusCode = from > 0 ? 206 : 200;
            if (from > 0)
                context.Response.Headers.ContentRange = $"bytes {from}-{content.Length - 1}/{content.Length}";
            context.Response.ContentLength = content.Length - from;
            await context.Response.Body.WriteAsync(content.AsMemory((int)from, 100));
            await context.Response.Body.FlushAsync();
            await arrivals.WaitAsync(from + 100);
            context.Abort();
            return true;
        };
        var destination = new MemoryStream();
        await _client.DownloadBlobAsync(_reference, blob, destination, arrivals, Stop);
        Assert.Equal(content, destination.ToArray());
        Assert.Equal(["", "bytes=100-", "bytes=200-"], _registry.Requests.Select(r => r.Split(' ')[2]));
    }

    [Fact]
    public async Task A_registry_that_cannot_resume_starts_over()
    {
        var blob = Layer(0);
        var content = s_image.Blobs[blob.Digest];
        var first = true;
        var arrivals = new Arrivals();
        _registry.Fault = async context =>
        {
            context.Response.ContentLength = content.Length;
            await context.Response.Body.WriteAsync(first ? content.AsMemory(0, 100) : content);
            await context.Response.Body.FlushAsync();
            if (first)
            {
                first = false;
                await arrivals.WaitAsync(100);
                context.Abort();
            }
            return true;
        };
        var destination = new MemoryStream();
        await _client.DownloadBlobAsync(_reference, blob, destination, arrivals, Stop);
        Assert.Equal(content, destination.ToArray());
    }

    [Theory]
    [InlineData(0, RegistryFailure.DigestMismatch)]
    [InlineData(1, RegistryFailure.DigestMismatch)]
    [InlineData(-1, RegistryFailure.Unreachable)]
    public async Task A_corrupt_or_truncated_blob_is_named(int more, RegistryFailure failure)
    {
        var blob = Layer(0);
        _registry.Fault = async context =>
        {
            await Results.Bytes(new byte[blob.Size + more]).ExecuteAsync(context);
            return true;
        };
        var error = await Assert.ThrowsAsync<RegistryException>(() => _client.DownloadBlobAsync(_reference, blob, new MemoryStream(), null, Stop));
        Assert.Equal((failure, blob.Digest), (error.Failure, error.Blob!.Value));
        Assert.Contains($"blob {blob.Digest} of image {_reference}", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_silent_registry_is_unreachable()
    {
        using var impatient = new RegistryClient(s_options with { IdleTimeout = TimeSpan.FromMilliseconds(50), AttemptsMax = 2 });
        var held = new TaskCompletionSource();
        _registry.Fault = async context =>
        {
            await held.Task.WaitAsync(context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return true;
        };
        var error = await Assert.ThrowsAsync<RegistryException>(() => impatient.GetManifestAsync(_reference, Stop));
        held.SetResult();
        Assert.Equal(RegistryFailure.Unreachable, error.Failure);
        Assert.Contains("no answer for", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("right", null)]
    [InlineData("wrong", RegistryFailure.Unauthorized)]
    public async Task A_token_is_got_with_the_credentials_for_the_scope(string password, RegistryFailure? failure)
    {
        _registry.Fault = TokenGuardAsync;
        using var client = new RegistryClient(s_options with { Credentials = new Dictionary<string, RegistryCredentials> { [_registry.Address] = new("user", password) } });
        var error = await Record.ExceptionAsync(() => client.ResolveAsync(_reference, null, Stop));
        Assert.Equal(failure, (error as RegistryException)?.Failure);
        // One token serves the manifest and the config.
        if (failure is null)
            Assert.Equal(1, _registry.Count("/token"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Basic_credentials_are_given_when_asked_for(bool known)
    {
        _registry.Fault = context =>
        {
            var authorized = context.Request.Headers.Authorization == "Basic " + Convert.ToBase64String("user:right"u8);
            if (!authorized)
                (context.Response.StatusCode, context.Response.Headers.WWWAuthenticate) = (401, "Basic realm=\"x\"");
            return Task.FromResult(!authorized);
        };
        var credentials = new Dictionary<string, RegistryCredentials>();
        if (known)
            credentials[_registry.Address] = new("user", "right");
        using var client = new RegistryClient(s_options with { Credentials = credentials });
        var error = await Record.ExceptionAsync(() => client.ResolveAsync(_reference, null, Stop));
        Assert.Equal(known ? null : RegistryFailure.Unauthorized, (error as RegistryException)?.Failure);
    }

    [Fact]
    public async Task An_index_resolves_to_the_platform_and_keeps_its_own_digest()
    {
        var amd = TestImage.Of(Platform.Parse("linux/amd64"), [TestImage.Tar(TestImage.FileEntry("amd"))], null);
        var arm = TestImage.Of(Platform.Parse("linux/arm64"), [TestImage.Tar(TestImage.FileEntry("arm"))], null);
        _registry.Add("multi:amd", amd);
        _registry.Add("multi:arm", arm);
        var reference = _registry.Add("multi:1", IndexOf((amd, "amd64"), (arm, "arm64")));
        var resolved = await _client.ResolveAsync(reference, Platform.Parse("linux/arm64"), Stop);
        Assert.Equal(arm.Manifest.Digest, resolved.ManifestDigest);
        Assert.NotEqual(resolved.Digest, resolved.ManifestDigest);
        Assert.Equal("arm64", resolved.Config.Architecture);
        Assert.Equal(["linux/amd64", "linux/arm64"], resolved.Platforms.Select(p => p.ToString()));
        var error = await Assert.ThrowsAsync<RegistryException>(() => _client.ResolveAsync(reference, Platform.Parse("linux/riscv64"), Stop));
        Assert.Contains("nothing for platform linux/riscv64; there is linux/amd64, linux/arm64", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("nonsense", RegistryFailure.BadAnswer)]
    [InlineData("[]", RegistryFailure.BadAnswer)]
    [InlineData("{}", RegistryFailure.Unsupported)]
    [InlineData("""{"layers":[]}""", RegistryFailure.BadAnswer)]
    [InlineData("""{"layers":[],"config":{"digest":"sha256:1","size":1}}""", RegistryFailure.BadAnswer)]
    public async Task A_manifest_of_nonsense_is_refused(string content, RegistryFailure failure)
    {
        _registry.Fault = async context =>
        {
            await Results.Text(content).ExecuteAsync(context);
            return true;
        };
        var error = await Assert.ThrowsAsync<RegistryException>(() => _client.ResolveAsync(_reference, null, Stop));
        Assert.Equal(failure, error.Failure);
    }

    [Fact]
    public async Task A_manifest_that_is_not_what_was_asked_for_is_refused()
    {
        var other = TestImage.Of(TestImage.Tar(TestImage.FileEntry("other")));
        _registry.Fault = async context =>
        {
            await Results.Bytes(other.Manifest.Content, MediaTypes.OciManifest).ExecuteAsync(context);
            return true;
        };
        var error = await Assert.ThrowsAsync<RegistryException>(() => _client.GetManifestAsync(_reference.WithDigest(s_image.Manifest.Digest), Stop));
        Assert.Equal(RegistryFailure.DigestMismatch, error.Failure);
    }

    private static Descriptor Layer(int index) => new() { Digest = s_image.Layers[index], Size = s_image.Blobs[s_image.Layers[index]].Length };

    private static FetchedManifest IndexOf(params (TestImage Image, string Architecture)[] images)
    {
        var content = JsonSerializer.SerializeToUtf8Bytes(new ImageIndex
        {
            MediaType = MediaTypes.OciIndex,
            Manifests = [.. images.Select(i => new Descriptor
            {
                MediaType = MediaTypes.OciManifest,
                Digest = i.Image.Manifest.Digest,
                Size = i.Image.Manifest.Content.Length,
                Platform = new PlatformDescription { Os = "linux", Architecture = i.Architecture },
            })],
        }, OciJson.Default.ImageIndex);
        return new FetchedManifest(Digest.Of(content), MediaTypes.OciIndex, content);
    }

    /// <summary>Lets the registry wait until the client has got so many bytes: a broken connection may take the last ones with it.</summary>
    private sealed class Arrivals : IProgress<long>
    {
        private readonly System.Collections.Concurrent.ConcurrentDictionary<long, TaskCompletionSource> _waits = new();

        public void Report(long value) => Wait(value).TrySetResult();

        public Task WaitAsync(long bytes) => Wait(bytes).Task.WaitAsync(Stop);

        private TaskCompletionSource Wait(long bytes) => _waits.GetOrAdd(bytes, _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
    }

    private async Task<bool> TokenGuardAsync(HttpContext context)
    {
        if (context.Request.Path == "/token")
        {
            var good = context.Request.Headers.Authorization == "Basic " + Convert.ToBase64String("user:right"u8)
                && context.Request.Query["scope"] == "repository:some/image:pull" && context.Request.Query["service"] == "reg";
            await (good ? Results.Json(new { token = "t0ken", expires_in = 300 }) : Results.StatusCode(401)).ExecuteAsync(context);
            return true;
        }
        if (context.Request.Headers.Authorization == "Bearer t0ken")
            return false;
        context.Response.Headers.WWWAuthenticate = $"Bearer realm=\"http://{_registry.Address}/token\",service=\"reg\",scope=\"repository:some/image:pull\"";
        context.Response.StatusCode = 401;
        return true;
    }
}
