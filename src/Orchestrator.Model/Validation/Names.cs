namespace Orchestrator.Model.Validation;

/// <summary>Names become DNS labels. An underscore is let through as well: resolvers take it, and compose files are full of it.</summary>
internal static class Names
{
    public const string Accepted = "1 to 63 letters, digits, '-' or '_', with a letter or digit at both ends";

    public static bool IsGood(string name) =>
        name.Length is > 0 and <= 63 && char.IsAsciiLetterOrDigit(name[0]) && char.IsAsciiLetterOrDigit(name[^1])
        && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_');
}
