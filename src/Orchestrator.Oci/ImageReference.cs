using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;

namespace Orchestrator.Oci;

/// <summary>Where an image is: registry, repository, and a tag or a digest (or both; then the digest decides).</summary>
public sealed partial record ImageReference
{
    public const string DefaultRegistry = "docker.io";
    private const int RepositoryLengthMax = 255;

    private ImageReference(string registry, string repository, string? tag, Digest? digest) =>
        (Registry, Repository, Tag, Digest) = (registry, repository, tag, digest);

    /// <summary>Host and optional port: "docker.io", "localhost:5000", "[::1]:5000".</summary>
    public string Registry { get; }

    /// <summary>The path in the registry: "library/redis".</summary>
    public string Repository { get; }

    public string? Tag { get; }

    public Digest? Digest { get; }

    /// <summary>What the registry is asked for: the digest if there is one, else the tag.</summary>
    public string Identifier => Digest?.ToString() ?? Tag ?? "latest";

    /// <summary>
    /// Reads a reference as Docker does: no registry means docker.io, a docker.io name without a slash is in library/,
    /// and neither tag nor digest means the tag latest.
    /// </summary>
    /// <exception cref="FormatException">The text is no reference; the message says where and what is accepted.</exception>
    public static ImageReference Parse(string text) =>
        TryParse(text, out var reference, out var error) ? reference : throw new FormatException(error);

    public static bool TryParse(string text, [NotNullWhen(true)] out ImageReference? reference, [NotNullWhen(false)] out string? error)
    {
        reference = null;
        var rest = text;
        Digest? digest = null;
        if (rest.IndexOf('@', StringComparison.Ordinal) is >= 0 and var at)
        {
            if (!Oci.Digest.TryParse(rest[(at + 1)..], out var parsed))
                return Fail(text, $"\"{rest[(at + 1)..]}\" after @ is not a digest; expected sha256:<64 lower-case hex digits>", out error);
            (digest, rest) = (parsed, rest[..at]);
        }
        string? tag = null;
        if (rest.LastIndexOf(':') is >= 0 and var colon && !rest[colon..].Contains('/', StringComparison.Ordinal) && !rest.EndsWith(']'))
        {
            (tag, rest) = (rest[(colon + 1)..], rest[..colon]);
            if (!TagPattern().IsMatch(tag))
                return Fail(text, $"\"{tag}\" is not a tag; expected up to 128 letters, digits, _ . - and not . or - first", out error);
        }
        var (registry, repository) = SplitRegistry(rest);
        error = CheckName(text, registry, repository);
        if (error is not null)
            return false;
        if (registry == DefaultRegistry && !repository.Contains('/', StringComparison.Ordinal))
            repository = "library/" + repository;
        reference = new ImageReference(registry, repository, tag ?? (digest is null ? "latest" : null), digest);
        return true;
    }

    public ImageReference WithDigest(Digest digest) => new(Registry, Repository, Tag, digest);

    /// <summary>The repository alone; what is pushed is then known by its digest only.</summary>
    public ImageReference WithoutTag() => new(Registry, Repository, null, null);

    public override string ToString() =>
        $"{Registry}/{Repository}{(Tag is null ? "" : ":" + Tag)}{(Digest is null ? "" : "@" + Digest)}";

    private static (string Registry, string Repository) SplitRegistry(string name)
    {
        var slash = name.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0)
            return (DefaultRegistry, name);
        var first = name[..slash];
        var isRegistry = first == "localhost" || first.AsSpan().ContainsAny('.', ':') || !string.Equals(first, first.ToLowerInvariant(), StringComparison.Ordinal);
        if (!isRegistry)
            return (DefaultRegistry, name);
        return (first is "index.docker.io" or "registry-1.docker.io" ? DefaultRegistry : first, name[(slash + 1)..]);
    }

    private static string? CheckName(string text, string registry, string repository)
    {
        if (repository.Length == 0)
            return Message(text, "the repository is empty; expected [registry[:port]/]repository[:tag][@digest]");
        if (!RegistryPattern().IsMatch(registry))
            return Message(text, $"\"{registry}\" is not a registry; expected a host name or address and an optional port");
        if (repository.Length > RepositoryLengthMax)
            return Message(text, $"the repository is longer than {RepositoryLengthMax} characters");
        if (!RepositoryPattern().IsMatch(repository))
            return Message(text, $"\"{repository}\" is not a repository; expected lower-case letters and digits, parts joined by / and words by . _ __ or -");
        return null;
    }

    private static bool Fail(string text, string what, out string error)
    {
        error = Message(text, what);
        return false;
    }

    private static string Message(string text, string what) => $"image reference \"{text}\": {what}";

    [GeneratedRegex(@"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\z")]
    private static partial Regex TagPattern();

    [GeneratedRegex(@"^([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9a-fA-F:]+\])(:[0-9]{1,5})?\z")]
    private static partial Regex RegistryPattern();

    [GeneratedRegex(@"^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*\z")]
    private static partial Regex RepositoryPattern();
}
