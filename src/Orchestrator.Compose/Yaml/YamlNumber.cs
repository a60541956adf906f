using System.Text.RegularExpressions;

namespace Orchestrator.Compose.Yaml;

/// <summary>What the core schema of YAML 1.2 takes for a number. (22:22 is text: base 60 belongs to YAML 1.1.)</summary>
internal static partial class YamlNumber
{
    public static bool Matches(string text) => text.Length <= 64 && Number().IsMatch(text);

    [GeneratedRegex(@"^(0o[0-7]+|0x[0-9a-fA-F]+|[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))\z", RegexOptions.CultureInvariant)]
    private static partial Regex Number();
}
