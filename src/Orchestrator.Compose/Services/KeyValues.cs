using Google.Protobuf.Collections;
using Orchestrator.Compose.Fields;

namespace Orchestrator.Compose.Services;

/// <summary>What may be written as a mapping (<c>KEY: value</c>) or as a list (<c>- KEY=value</c>).</summary>
internal static class KeyValues
{
    /// <summary>A null value: only the key was written.</summary>
    public static IEnumerable<(string Key, string? Value, Field Field)> Read(Field field)
    {
        if (!field.IsMapping && !field.IsList)
        {
            field.Expected("a mapping (KEY: value) or a list (- KEY=value)");
            return [];
        }
        return (field.IsMapping ? field.Entries().Select(FromEntry) : field.Items().Select(FromItem)).Where(k => IsKey(k.Key, k.Field));
    }

    public static void ReadLabels(Field field, MapField<string, string> labels)
    {
        foreach (var (key, value, _) in Read(field))
            labels[key] = value ?? "";
    }

    private static (string Key, string? Value, Field Field) FromEntry(Field entry) =>
        (entry.Key, entry.IsNull ? null : entry.Written("text, a number or a boolean") ?? "", entry);

    private static (string Key, string? Value, Field Field) FromItem(Field item)
    {
        var text = item.Text("KEY=value") ?? "?";
        var separator = text.IndexOf('=', StringComparison.Ordinal);
        return separator < 0 ? (text, null, item) : (text[..separator], text[(separator + 1)..], item);
    }

    private static bool IsKey(string key, Field field)
    {
        if (key.Length > 0 && !key.Contains('=', StringComparison.Ordinal) && !key.Contains('\0', StringComparison.Ordinal))
            return true;
        field.RefuseKey($"got \"{key}\" as a key; expected a name without =");
        return false;
    }
}
