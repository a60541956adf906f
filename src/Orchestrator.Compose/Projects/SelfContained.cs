using Orchestrator.Compose.Yaml;

namespace Orchestrator.Compose.Projects;

/// <summary>Makes a document say by itself what it otherwise has from its files' surroundings: relative paths become absolute, variables that are
/// passed on get their values, and profiles, which were asked for, are gone.</summary>
internal static class SelfContained
{
    public static YamlNode Rewrite(YamlNode node, params IReadOnlyList<string> path) => node switch
    {
        YamlScalar scalar when IsVariable(path) => PassedOn(scalar, path),
        YamlScalar scalar => IsPath(scalar, path) ? Absolute(scalar) : IsShortVolume(path) ? ShortVolume(scalar) : IsOption(path) ? Option(scalar) : scalar,
        YamlSequence list => new YamlSequence(list.At, [.. list.Items.Where(i => !IsGone(i, [.. path, "[]"])).Select(i => Rewrite(i, [.. path, "[]"]))]),
        YamlMapping mapping when path is ["services", _, "volumes", "[]"] && !IsBind(mapping) => mapping,
        YamlMapping mapping => new YamlMapping(mapping.At, [.. mapping.Entries.Where(e => !IsGone(e.Value, [.. path, e.Key])).Select(e => e with { Value = Rewrite(e.Value, [.. path, e.Key]) })]),
        _ => node,
    };

    private static bool IsPath(YamlScalar scalar, IReadOnlyList<string> path) => !scalar.IsNull && path is ["secrets" or "configs", _, "file"] or ["services", _, "volumes", "[]", "source"];

    private static bool IsGone(YamlNode node, IReadOnlyList<string> path) => path is ["services", _, "profiles"]
        || (IsVariable(path) && node is YamlScalar scalar && PassedOnName(scalar, path) is { } name && scalar.At.Origin!.Lookup(name) is null);

    private static bool IsVariable(IReadOnlyList<string> path) => path is ["services", _, "environment", _];

    private static YamlScalar PassedOn(YamlScalar scalar, IReadOnlyList<string> path)
    {
        if (PassedOnName(scalar, path) is not { } name || scalar.At.Origin!.Lookup(name) is not { } value)
            return scalar;
        return With(scalar, path[3] == "[]" ? $"{name}={value}" : value);
    }

    private static string? PassedOnName(YamlScalar scalar, IReadOnlyList<string> path) =>
        path[3] == "[]" && !scalar.Value.Contains('=', StringComparison.Ordinal) ? scalar.Value : path[3] != "[]" && scalar.IsNull ? path[3] : null;

    private static bool IsShortVolume(IReadOnlyList<string> path) => path is ["services", _, "volumes", "[]"];

    private static bool IsOption(IReadOnlyList<string> path) => path is ["services", _, "security_opt", "[]"];

    private static bool IsBind(YamlMapping mount) => mount.Entries.Any(e => e is { Key: "type", Value: YamlScalar { Value: "bind" } });

    private static YamlScalar Absolute(YamlScalar scalar) => With(scalar, Absolute(scalar.Value, scalar.At.Origin!));

    private static string Absolute(string path, Origin origin) => Path.GetFullPath(origin.PathOf(path));

    private static YamlScalar ShortVolume(YamlScalar scalar)
    {
        var parts = scalar.Value.Split(':', 2);
        return parts.Length == 2 && parts[0] is ['.' or '~' or '/', ..] ? With(scalar, $"{Absolute(parts[0], scalar.At.Origin!)}:{parts[1]}") : scalar;
    }

    private static YamlScalar Option(YamlScalar scalar) =>
        scalar.Value.StartsWith("seccomp", StringComparison.Ordinal) && scalar.Value.Length > 8 && scalar.Value[8..] != "unconfined"
            ? With(scalar, scalar.Value[..8] + Absolute(scalar.Value[8..], scalar.At.Origin!)) : scalar;

    private static YamlScalar With(YamlScalar scalar, string value) => new(scalar.At, value, plain: false);
}
