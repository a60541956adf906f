using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Orchestrator.Oci;

namespace Orchestrator.Tests.Oci;

/// <summary>A registry to read from, in this process, whose answers a test may spoil.</summary>
internal sealed class FaultyRegistry : IAsyncDisposable
{
    private readonly WebApplication _application;
    private readonly Dictionary<string, FetchedManifest> _manifests = [];
    private readonly Dictionary<string, byte[]> _blobs = [];

    private FaultyRegistry()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _application = builder.Build();
        _application.Run(AnswerAsync);
    }

    public string Address => new Uri(_application.Urls.First()).Authority;

    /// <summary>"METHOD path Range", in order.</summary>
    public ConcurrentQueue<string> Requests { get; } = [];

    /// <summary>Runs before each answer; true when it has answered.</summary>
    public Func<HttpContext, Task<bool>> Fault { get; set; } = _ => Task.FromResult(false);

    public static async Task<FaultyRegistry> StartAsync()
    {
        var registry = new FaultyRegistry();
        await registry._application.StartAsync();
        return registry;
    }

    public ImageReference Reference(string name) => ImageReference.Parse($"{Address}/{name}");

    public ImageReference Add(string name, TestImage image)
    {
        foreach (var (digest, content) in image.Blobs)
            _blobs[digest.ToString()] = content;
        return Add(name, image.Manifest);
    }

    public ImageReference Add(string name, FetchedManifest manifest)
    {
        var reference = Reference(name);
        _manifests[$"{reference.Repository}/manifests/{reference.Identifier}"] = manifest;
        _manifests[$"{reference.Repository}/manifests/{manifest.Digest}"] = manifest;
        return reference;
    }

    public int Count(string part) => Requests.Count(r => r.Contains(part, StringComparison.Ordinal));

    public ValueTask DisposeAsync() => _application.DisposeAsync();

    private async Task AnswerAsync(HttpContext context)
    {
        var path = context.Request.Path.Value!;
        Requests.Enqueue($"{context.Request.Method} {path} {context.Request.Headers.Range}");
        if (await Fault(context))
            return;
        if (_manifests.TryGetValue(path["/v2/".Length..], out var manifest))
            await Results.Bytes(manifest.Content, manifest.MediaType).ExecuteAsync(context);
        else if (_blobs.TryGetValue(path[(path.LastIndexOf('/') + 1)..], out var blob))
            await Results.Bytes(blob, "application/octet-stream", enableRangeProcessing: true).ExecuteAsync(context);
        else
            await Results.Json(new { errors = new[] { new { code = "NAME_UNKNOWN", message = "no such thing" } } }, statusCode: 404).ExecuteAsync(context);
    }
}
