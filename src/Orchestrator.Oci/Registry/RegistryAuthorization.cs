using System.Collections.Concurrent;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Orchestrator.Oci.Registry;

/// <summary>Answers a registry's challenge: Basic with the configured credentials, or Bearer with a token from the realm it names.</summary>
internal sealed partial class RegistryAuthorization(HttpClient http, RegistryOptions options)
{
    // The lifetime that the token specification gives a token without expires_in.
    private static readonly TimeSpan s_defaultLifetime = TimeSpan.FromSeconds(60);

    private readonly ConcurrentDictionary<(string Registry, string Scope), (AuthenticationHeaderValue Value, long ExpiresAt)> _known = new();

    public AuthenticationHeaderValue? Known(RegistryPurpose purpose) =>
        _known.TryGetValue((purpose.Image.Registry, purpose.Scope), out var known) && known.ExpiresAt > Environment.TickCount64 ? known.Value : null;

    /// <summary>Null when the challenge cannot be met, or what it got was refused already.</summary>
    public async Task<AuthenticationHeaderValue?> AnswerAsync(
        RegistryPurpose purpose, HttpResponseMessage challenged, AuthenticationHeaderValue? refused, CancellationToken cancellation)
    {
        var credentials = options.Credentials.GetValueOrDefault(purpose.Image.Registry);
        foreach (var challenge in challenged.Headers.WwwAuthenticate)
        {
            var (answer, lifetime) = challenge.Scheme.ToLowerInvariant() switch
            {
                "bearer" => await TokenAsync(purpose, challenge.Parameter ?? "", challenged.RequestMessage!.RequestUri!, credentials, cancellation),
                "basic" when credentials is not null => (Basic(credentials), TimeSpan.FromHours(1)),
                _ => (null, TimeSpan.Zero),
            };
            if (answer is null || answer.Equals(refused))
                continue;
            _known[(purpose.Image.Registry, purpose.Scope)] = (answer, Environment.TickCount64 + (long)(lifetime.TotalMilliseconds * 0.9));
            return answer;
        }
        return null;
    }

    private async Task<(AuthenticationHeaderValue?, TimeSpan)> TokenAsync(
        RegistryPurpose purpose, string parameters, Uri registry, RegistryCredentials? credentials, CancellationToken cancellation)
    {
        var named = ParameterPattern().Matches(parameters).ToDictionary(m => m.Groups[1].Value, m => m.Groups[2].Value, StringComparer.OrdinalIgnoreCase);
        if (!named.TryGetValue("realm", out var realmText) || !Uri.TryCreate(realmText, UriKind.Absolute, out var realm) || realm.Scheme is not ("http" or "https"))
            throw purpose.Fail(RegistryFailure.BadAnswer, $"the registry asks for a token without a usable realm: {parameters}");
        var query = $"scope={Uri.EscapeDataString(purpose.Scope)}" + (named.TryGetValue("service", out var service) ? $"&service={Uri.EscapeDataString(service)}" : "");
        using var request = new HttpRequestMessage(HttpMethod.Get, new UriBuilder(realm) { Query = Join(realm.Query, query) }.Uri);
        // A registry on HTTPS cannot make the credentials travel in the open.
        if (credentials is not null && (realm.Scheme == "https" || registry.Scheme == "http"))
            request.Headers.Authorization = Basic(credentials);
        using var response = await http.SendAsync(request, cancellation);
        if ((int)response.StatusCode is 401 or 403)
            return (null, TimeSpan.Zero);
        if (!response.IsSuccessStatusCode)
            throw purpose.Fail(RegistryFailure.BadAnswer, $"the token service {realm} answered {(int)response.StatusCode}", response.StatusCode);
        return ReadToken(purpose, realm, await response.Content.ReadAsStringAsync(cancellation));
    }

    private static (AuthenticationHeaderValue, TimeSpan) ReadToken(RegistryPurpose purpose, Uri realm, string body)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            var root = document.RootElement;
            if (!root.TryGetProperty("token", out var token) && !root.TryGetProperty("access_token", out token))
                throw purpose.Fail(RegistryFailure.BadAnswer, $"the token service {realm} answered without a token");
            var lifetime = root.TryGetProperty("expires_in", out var seconds) && seconds.TryGetInt32(out var n) ? TimeSpan.FromSeconds(n) : s_defaultLifetime;
            return (new AuthenticationHeaderValue("Bearer", token.GetString()), lifetime);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw purpose.Fail(RegistryFailure.BadAnswer, $"the token service {realm} answered with something other than a token", null, e);
        }
    }

    private static AuthenticationHeaderValue Basic(RegistryCredentials credentials) =>
        new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{credentials.Username}:{credentials.Password}")));

    private static string Join(string query, string more) => query.Length > 1 ? $"{query[1..]}&{more}" : more;

    [GeneratedRegex("([A-Za-z_]+)=\"([^\"]*)\"")]
    private static partial Regex ParameterPattern();
}
