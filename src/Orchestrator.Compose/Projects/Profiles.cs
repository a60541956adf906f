using System.Text.RegularExpressions;
using Orchestrator.Compose.Fields;
using Orchestrator.Compose.Yaml;

namespace Orchestrator.Compose.Projects;

/// <summary>Services that are there only when one of their profiles is asked for.</summary>
internal static partial class Profiles
{
    private const string All = "*";

    /// <summary>Profiles that the environment asks for, with commas between.</summary>
    public const string Variable = "COMPOSE_PROFILES";

    /// <summary>The document without its inactive services, whose names are added to <paramref name="inactive"/>.</summary>
    public static YamlMapping Apply(YamlMapping root, IReadOnlyCollection<string> asked, ICollection<string> inactive, Report report)
    {
        if (root.Entries.FirstOrDefault(e => e.Key == "services") is not { Key: not null, Value: YamlMapping services } section)
            return root;
        var active = services.Entries.Where(s => IsActive(s, asked, report)).ToList();
        foreach (var service in services.Entries.Except(active))
            inactive.Add(service.Key);
        if (active.Count == 0 && inactive.Count > 0 && !report.HasErrors)
            report.Error(section.At, "services", $"no service is active, as all have profiles; ask for one: {string.Join(", ", Names(root))}");
        return inactive.Count == 0 ? root
            : new YamlMapping(root.At, [.. root.Entries.Select(e => e.Key == "services" ? e with { Value = new YamlMapping(services.At, active) } : e)]);
    }

    /// <summary>All that the services of a document have.</summary>
    public static IEnumerable<string> Names(YamlMapping root) =>
        from section in root.Entries
        where section.Key == "services"
        from service in (section.Value as YamlMapping)?.Entries ?? []
        from key in (service.Value as YamlMapping)?.Entries ?? []
        where key.Key == "profiles"
        from item in (key.Value as YamlSequence)?.Items.OfType<YamlScalar>().Select(i => i.Value).Distinct() ?? []
        group service by item into named
        orderby named.Key
        select named.Key;

    private static bool IsActive(YamlEntry service, IReadOnlyCollection<string> asked, Report report)
    {
        var written = (service.Value as YamlMapping)?.Entries.FirstOrDefault(e => e.Key == "profiles") ?? default;
        if (written.Key is null || written.Value is YamlScalar { IsNull: true })
            return true;
        var names = Read(new Field($"services.{service.Key}.profiles", "profiles", written.At, written.Value, report)).ToList();
        return names.Count == 0 || asked.Contains(All) || names.Exists(asked.Contains);
    }

    private static IEnumerable<string> Read(Field profiles)
    {
        foreach (var item in profiles.Items("a list of names"))
        {
            var name = item.Written("a name") ?? "a";
            if (!Name().IsMatch(name))
                item.Expected("a name of letters, digits, _, . and -");
            yield return name;
        }
    }

    [GeneratedRegex(@"^[a-zA-Z0-9][a-zA-Z0-9_.-]*\z", RegexOptions.CultureInvariant)]
    private static partial Regex Name();
}
