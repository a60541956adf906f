using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Runtime.ExceptionServices;
using System.Security.Authentication;
using System.Text.Json;
using Polly;
using Polly.Retry;

namespace Orchestrator.Oci.Registry;

/// <summary>HTTP to registries: addresses, authorization, retries, and every failure as a <see cref="RegistryException"/>.</summary>
internal sealed class RegistryConnection : IDisposable
{
    private readonly RegistryOptions _options;
    private readonly HttpClient _http;
    private readonly RegistryAuthorization _authorization;
    private readonly ResiliencePipeline _retries;

    public RegistryConnection(RegistryOptions options)
    {
        _options = options;
        _http = new HttpClient(new SocketsHttpHandler { ConnectTimeout = options.IdleTimeout, PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30) })
        {
            Timeout = Timeout.InfiniteTimeSpan,
        };
        _http.DefaultRequestHeaders.UserAgent.ParseAdd("orchestrator/0.1");
        _authorization = new RegistryAuthorization(_http, options);
        _retries = new ResiliencePipelineBuilder().AddRetry(new RetryStrategyOptions
        {
            ShouldHandle = new PredicateBuilder().Handle<RegistryException>(e => e.IsTransient),
            MaxRetryAttempts = Math.Max(1, options.AttemptsMax - 1),
            Delay = options.RetryDelay,
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
        }).Build();
    }

    public TimeSpan IdleTimeout => _options.IdleTimeout;

    public Uri Address(ImageReference image, string path) => new(BaseAddress(image.Registry), $"v2/{image.Repository}/{path}");

    /// <summary>Runs an attempt again, from its start, when it failed in a way that may pass.</summary>
    public async Task<T> RetryAsync<T>(Func<CancellationToken, Task<T>> attempt, CancellationToken cancellation) =>
        _options.AttemptsMax <= 1
            ? await attempt(cancellation)
            : await _retries.ExecuteAsync(async c => await attempt(c), cancellation);

    /// <summary>One request, and a second one when the registry asks for authorization. The caller disposes the answer, whose body is unread.</summary>
    public async Task<HttpResponseMessage> SendAsync(RegistryPurpose purpose, Func<HttpRequestMessage> makeRequest, CancellationToken cancellation)
    {
        var first = makeRequest();
        var authorization = _authorization.Known(purpose);
        var response = await SendOnceAsync(purpose, first, authorization, cancellation);
        if (response.StatusCode != HttpStatusCode.Unauthorized)
            return response;
        using (response)
        {
            authorization = await GuardAsync(purpose, c => _authorization.AnswerAsync(purpose, response, authorization, c), cancellation);
            if (authorization is null)
                throw purpose.Fail(RegistryFailure.Unauthorized, $"unauthorized: {await ReasonAsync(response, cancellation)}", response.StatusCode);
        }
        return await SendOnceAsync(purpose, makeRequest(), authorization, cancellation);
    }

    /// <summary>The exception that a refusal stands for.</summary>
    public static async Task<RegistryException> RefusalAsync(RegistryPurpose purpose, HttpResponseMessage response, CancellationToken cancellation)
    {
        var (failure, word) = response.StatusCode switch
        {
            HttpStatusCode.NotFound => (RegistryFailure.NotFound, "not found"),
            HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => (RegistryFailure.Unauthorized, "unauthorized"),
            var status => (RegistryFailure.BadAnswer, $"the registry answered {(int)status}"),
        };
        return purpose.Fail(failure, $"{word}: {await ReasonAsync(response, cancellation)}", response.StatusCode);
    }

    /// <summary>Runs network code, turning what can go wrong on the way into a <see cref="RegistryException"/>.</summary>
    public async Task<T> GuardAsync<T>(RegistryPurpose purpose, Func<CancellationToken, Task<T>> work, CancellationToken cancellation)
    {
        using var silence = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        silence.CancelAfter(IdleTimeout);
        return await GuardAsync(purpose, work, silence, cancellation);
    }

    /// <param name="silence">Cancels the work when the registry is silent for too long; the work may push it back.</param>
    public async Task<T> GuardAsync<T>(
        RegistryPurpose purpose, Func<CancellationToken, Task<T>> work, CancellationTokenSource silence, CancellationToken cancellation)
    {
        try
        {
            return await work(silence.Token);
        }
        catch (OperationCanceledException e) when (!cancellation.IsCancellationRequested)
        {
            throw purpose.Fail(RegistryFailure.Unreachable, $"unreachable: no answer for {IdleTimeout.TotalSeconds:0.#} s", null, e);
        }
        catch (HttpRequestException e)
        {
            throw purpose.Fail(RegistryFailure.Unreachable, $"unreachable: {Cause(e)}", e.StatusCode, e);
        }
        catch (IOException e) when (e is HttpIOException || e.InnerException is SocketException)
        {
            throw purpose.Fail(RegistryFailure.Unreachable, $"connection lost: {e.Message}", null, e);
        }
    }

    public void Dispose() => _http.Dispose();

    private Task<HttpResponseMessage> SendOnceAsync(
        RegistryPurpose purpose, HttpRequestMessage request, AuthenticationHeaderValue? authorization, CancellationToken cancellation)
    {
        request.Headers.Authorization = authorization;
        return request.Content is null
            ? GuardAsync(purpose, c => _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, c), cancellation)
            : SendContentAsync(purpose, request, cancellation);
    }

    private async Task<HttpResponseMessage> SendContentAsync(RegistryPurpose purpose, HttpRequestMessage request, CancellationToken cancellation)
    {
        using var silence = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        silence.CancelAfter(IdleTimeout);
        var blob = request.Content as BlobContent;
        if (blob is not null)
            blob.OnProgress = () => silence.CancelAfter(IdleTimeout);
        try
        {
            return await GuardAsync(purpose, c => _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, c), silence, cancellation);
        }
        catch (RegistryException) when (blob?.Failure is not null)
        {
            ExceptionDispatchInfo.Throw(blob.Failure);
            throw;
        }
    }

    private Uri BaseAddress(string registry)
    {
        var host = registry == ImageReference.DefaultRegistry ? "registry-1.docker.io" : registry;
        var secure = new Uri($"https://{host}/");
        return secure.IsLoopback || _options.InsecureRegistries.Contains(registry) ? new Uri($"http://{host}/") : secure;
    }

    private static string Cause(HttpRequestException e) => (e.HttpRequestError, e.InnerException) switch
    {
        (HttpRequestError.NameResolutionError, _) => $"unknown host ({e.Message})",
        (HttpRequestError.SecureConnectionError, AuthenticationException inner) => $"TLS failed: {inner.Message}",
        (HttpRequestError.SecureConnectionError, _) => $"TLS failed: {e.Message} (a registry in plain HTTP must be listed as insecure)",
        (_, SocketException { SocketErrorCode: SocketError.ConnectionRefused }) => $"connection refused ({e.Message})",
        (_, SocketException socket) => $"{socket.Message} ({e.Message})",
        _ => e.Message,
    };

    /// <summary>The first error of the distribution API's error document, or the status line.</summary>
    private static async Task<string> ReasonAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        var line = $"{(int)response.StatusCode} {response.ReasonPhrase}";
        try
        {
            using var document = JsonDocument.Parse(await response.Content.ReadAsStringAsync(cancellation));
            return document.RootElement.TryGetProperty("errors", out var errors) && errors.ValueKind == JsonValueKind.Array && errors.GetArrayLength() > 0
                ? $"{line} ({Text(errors[0], "code")}: {Text(errors[0], "message")})"
                : line;
        }
        catch (Exception e) when (e is JsonException or HttpRequestException or IOException or InvalidOperationException)
        {
            return line;
        }
    }

    private static string Text(JsonElement error, string name) => error.TryGetProperty(name, out var value) ? value.ToString() : "?";
}
