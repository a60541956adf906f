using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Orchestrator.Tests.Control;

/// <summary>A registry on loopback that has one image without layers, under every tag of the repository "app".</summary>
internal sealed class FakeRegistry : IAsyncDisposable
{
    private const string ManifestType = "application/vnd.oci.image.manifest.v1+json";
    private readonly WebApplication _app;

    private FakeRegistry(WebApplication app) => _app = app;

    public string Address { get; private set; } = "";

    public string Image => $"{Address}/app:1";

    public string Digest { get; private set; } = "";

    public static async Task<FakeRegistry> StartAsync()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var app = builder.Build();
        var registry = new FakeRegistry(app);
        app.Run(registry.AnswerAsync);
        await app.StartAsync();
        var url = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        registry.Address = new Uri(url).Authority;
        registry.Digest = DigestOf(Manifest);
        return registry;
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private static byte[] Config { get; } = Encoding.UTF8.GetBytes(
        """{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[]}}""");

    private static byte[] Manifest { get; } = Encoding.UTF8.GetBytes(
        $$"""{"schemaVersion":2,"mediaType":"{{ManifestType}}","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{{DigestOf(Config)}}","size":{{Config.Length}}},"layers":[]}""");

    private async Task AnswerAsync(HttpContext context)
    {
        var path = context.Request.Path.Value!;
        var (found, type) = path.StartsWith("/v2/app/manifests/", StringComparison.Ordinal) ? (Manifest, ManifestType)
            : path == $"/v2/app/blobs/{DigestOf(Config)}" ? (Config, "application/octet-stream")
            : (null, "");
        context.Response.StatusCode = found is null ? 404 : 200;
        if (found is null)
            return;
        context.Response.ContentType = type;
        context.Response.ContentLength = found.Length;
        context.Response.Headers["Docker-Content-Digest"] = DigestOf(found);
        if (HttpMethods.IsGet(context.Request.Method))
            await context.Response.Body.WriteAsync(found);
    }

    private static string DigestOf(byte[] content) => "sha256:" + Convert.ToHexStringLower(SHA256.HashData(content));
}
