using System.Text.Json;
using System.Text.Json.Serialization;

namespace Orchestrator.Transport;

/// <summary>What a client needs to reach a cluster: the file that the first server writes and <c>orc</c> reads.</summary>
public sealed record AdminContext(IReadOnlyList<string> Servers, string Ca, string Certificate, string Key)
{
    public const string DefaultPath = "/var/lib/orchestrator/admin.json";
    public const string EnvironmentVariable = "ORC_CONTEXT";

    /// <summary>The path named by the user (<c>--context</c>), else the one in the environment, else the first server's own.</summary>
    public static string Find(string? named) =>
        named ?? (Environment.GetEnvironmentVariable(EnvironmentVariable) is { Length: > 0 } path ? path : DefaultPath);

    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="InvalidDataException">The file is not a context.</exception>
    public static AdminContext Load(string path)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllText(path), AdminContextJson.Default.AdminContext) is
            { Servers.Count: > 0, Ca: not null, Certificate: not null, Key: not null } context
                ? context
                : throw new InvalidDataException($"{path}: expected servers, ca, certificate and key");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{path}: not a context file: {e.Message}", e);
        }
    }

    public static AdminContext Of(Credentials credentials, IReadOnlyList<string> servers) =>
        new(servers, credentials.AuthorityPem, credentials.CertificatePem, credentials.KeyPem);

    public void Save(string path) => PrivateFile.Write(path, JsonSerializer.Serialize(this, AdminContextJson.Default.AdminContext));

    public Credentials ToCredentials() => Credentials.FromPem(Ca, Certificate, Key);
}

[JsonSerializable(typeof(AdminContext))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
internal sealed partial class AdminContextJson : JsonSerializerContext;
