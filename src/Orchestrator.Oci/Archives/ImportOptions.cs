using System.Text.Json;

namespace Orchestrator.Oci.Archives;

public enum LayerCompression
{
    Gzip,

    /// <summary>Faster and smaller; not understood by Docker before 23.</summary>
    Zstd,
    None,
}

/// <summary>How containers of an imported image run; null leaves it unsaid.</summary>
public sealed record ImportOptions
{
    public IReadOnlyList<string>? Entrypoint { get; init; }

    public IReadOnlyList<string>? Cmd { get; init; }

    /// <summary>"NAME=value".</summary>
    public IReadOnlyList<string> Env { get; init; } = [];

    public string? User { get; init; }

    public string? WorkingDir { get; init; }

    public string? StopSignal { get; init; }

    /// <summary>"80", "80/tcp", "53/udp".</summary>
    public IReadOnlyList<string> ExposedPorts { get; init; } = [];

    /// <summary>Absolute paths in the container.</summary>
    public IReadOnlyList<string> Volumes { get; init; } = [];

    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    public Platform Platform { get; init; } = Platform.Current;

    public LayerCompression Compression { get; init; } = LayerCompression.Gzip;

    /// <exception cref="FormatException">An option is malformed; the message names it.</exception>
    internal ImageConfig ToConfig(IReadOnlyList<Digest> diffIds)
    {
        foreach (var variable in Env)
            Require(variable.IndexOf('=', StringComparison.Ordinal) > 0, $"env \"{variable}\"", "NAME=value");
        foreach (var path in Volumes.Append(WorkingDir ?? "/"))
            Require(path.StartsWith('/'), $"path \"{path}\"", "an absolute path");
        return new ImageConfig
        {
            Architecture = Platform.Architecture,
            Os = Platform.Os,
            Variant = Platform.Variant,
            RootFs = new RootFs { DiffIds = diffIds },
            Execution = new ExecutionParameters
            {
                Entrypoint = Entrypoint,
                Cmd = Cmd,
                Env = Env.Count > 0 ? Env : null,
                User = User,
                WorkingDir = WorkingDir,
                StopSignal = StopSignal,
                ExposedPorts = Keys(ExposedPorts.Select(Port)),
                Volumes = Keys(Volumes),
                Labels = Labels.Count > 0 ? Labels.ToDictionary() : null,
            },
        };
    }

    private static string Port(string text)
    {
        var parts = text.Split('/');
        var good = parts.Length <= 2 && ushort.TryParse(parts[0], out var number) && number > 0 && (parts.Length == 1 || parts[1] is "tcp" or "udp" or "sctp");
        Require(good, $"exposed port \"{text}\"", "a number from 1 to 65535 and perhaps /tcp, /udp or /sctp");
        return parts.Length == 1 ? text + "/tcp" : text;
    }

    private static Dictionary<string, JsonElement>? Keys(IEnumerable<string> names)
    {
        using var empty = JsonDocument.Parse("{}");
        var value = empty.RootElement.Clone();
        var keys = names.Distinct().ToDictionary(n => n, _ => value);
        return keys.Count > 0 ? keys : null;
    }

    private static void Require(bool condition, string what, string expected)
    {
        if (!condition)
            throw new FormatException($"{what} is malformed; expected {expected}");
    }
}
