namespace Orchestrator.Oci;

public sealed record RegistryCredentials(string Username, string Password);

public sealed record RegistryOptions
{
    /// <summary>Registries ("host" or "host:port") spoken to in plain HTTP. Loopback ones always are.</summary>
    public IReadOnlySet<string> InsecureRegistries { get; init; } = new HashSet<string>();

    /// <summary>By registry, as in <see cref="ImageReference.Registry"/>.</summary>
    public IReadOnlyDictionary<string, RegistryCredentials> Credentials { get; init; } = new Dictionary<string, RegistryCredentials>();

    /// <summary>How often a request is tried in all when the network or the registry (5xx, 429) fails.</summary>
    public int AttemptsMax { get; init; } = 4;

    /// <summary>Wait before the second attempt; doubles with each.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>The longest silence of a registry before an attempt is given up.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(30);
}
