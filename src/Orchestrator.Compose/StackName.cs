using System.Text.RegularExpressions;
using Orchestrator.Compose.Interpolation;
using Orchestrator.Compose.Yaml;

namespace Orchestrator.Compose;

internal static partial class StackName
{
    public const string Variable = "COMPOSE_PROJECT_NAME";

    private const string Accepted = "1 to 63 lower-case letters, digits, - and _, with a letter or digit at both ends";

    public static string Find(IReadOnlyList<YamlMapping> roots, string? given, string directory, Func<string, string?> lookup, Report report)
    {
        if (given is not null)
            return Checked(given, default, "", "the stack name", report);
        if (lookup(Variable) is { Length: > 0 } fromEnvironment)
            return Checked(fromEnvironment, default, "", Variable, report);
        if (roots.SelectMany(r => r.Entries).LastOrDefault(e => e.Key == "name").Value is YamlScalar { IsNull: false } written)
            // Expansion errors in it are reported with those of all other values.
            return Template.Expand(written.Value, lookup) is { Error: null } name ? Checked(name.Value, written.At, "name", "", report) : "";
        return FromDirectory(directory, report);
    }

    private static string Checked(string name, Position at, string field, string what, Report report)
    {
        if (!Valid().IsMatch(name))
            report.Error(at, field, $"{(what.Length == 0 ? "got" : $"{what} is")} \"{name}\"; expected {Accepted}");
        return name;
    }

    private static string FromDirectory(string directory, Report report)
    {
        var folder = Path.GetFileName(Path.TrimEndingDirectorySeparator(directory)).ToLowerInvariant();
        var name = Outside().Replace(folder, "").Trim('-', '_');
        name = name[..Math.Min(name.Length, 63)].TrimEnd('-', '_');
        if (name.Length == 0)
            report.Error(default, "", "the stack has no name; write name: at the top of the file");
        return name;
    }

    [GeneratedRegex(@"^[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?\z", RegexOptions.CultureInvariant)]
    private static partial Regex Valid();

    [GeneratedRegex("[^a-z0-9_-]", RegexOptions.CultureInvariant)]
    private static partial Regex Outside();
}
