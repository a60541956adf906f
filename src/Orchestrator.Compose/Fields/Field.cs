using System.Globalization;
using Orchestrator.Compose.Yaml;

namespace Orchestrator.Compose.Fields;

/// <summary>A value with its place in the document. Reading it as a type either answers the value or reports what would be accepted.</summary>
internal readonly record struct Field(string Path, string Key, Position KeyAt, YamlNode Node, Report Report)
{
    public bool IsNull => Node is YamlScalar { IsNull: true };

    public bool IsMapping => Node is YamlMapping;

    public bool IsList => Node is YamlSequence;

    /// <summary>Variables as the file sees them that this was written in.</summary>
    public Func<string, string?> Lookup => Node.At.Origin!.Lookup;

    /// <summary>Relative paths begin where the file lies that this was written in, or where its project does.</summary>
    public string PathOf(string path) => Node.At.Origin!.PathOf(path);

    public void Refuse(string message) => Report.Error(Node.At, Path, message);

    public void RefuseKey(string message) => Report.Error(KeyAt, Path, message);

    public void Warn(string message) => Report.Warn(KeyAt, Path, message);

    public void WarnIf(bool? condition, string message)
    {
        if (condition == true)
            Warn(message);
    }

    public void RefuseIf(bool condition, string message)
    {
        if (condition)
            RefuseKey(message);
    }

    public void Expected(string accepted) => Refuse($"got {Got}; expected {accepted}");

    /// <summary>Text; a number or boolean is refused, because YAML may have changed what the author meant.</summary>
    public string? Text(string accepted = "text")
    {
        if (Node is YamlScalar { IsNumber: false, IsBoolean: false, IsNull: false })
            return Written(accepted);
        Refuse(Node is YamlScalar { IsNull: false } scalar
            ? $"got {scalar.Kind}, {Got}; expected {accepted}: put it in quotes"
            : $"got {Got}; expected {accepted}");
        return null;
    }

    /// <summary>Any scalar as it was written.</summary>
    public string? Written(string accepted)
    {
        if (Node is YamlScalar { IsNull: false } scalar && IsPassable(scalar.Value))
            return scalar.Value;
        if (Node is YamlScalar { IsNull: false })
            Refuse("holds a NUL character or half a Unicode character, which no process can be given");
        else
            Expected(accepted);
        return null;
    }

    public int? Integer(int min, int max = int.MaxValue)
    {
        var accepted = max == int.MaxValue ? $"a whole number of at least {min}" : $"a whole number from {min} to {max}";
        if (Written(accepted) is not { } text)
            return null;
        if (int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) && number >= min && number <= max)
            return number;
        Expected(accepted);
        return null;
    }

    public bool? Flag()
    {
        switch ((Node as YamlScalar)?.Value.ToLowerInvariant())
        {
            case "true" or "yes" or "on":
                return true;
            case "false" or "no" or "off":
                return false;
            default:
                Expected("true or false");
                return null;
        }
    }

    /// <summary>One of the accepted words, or null after a report.</summary>
    public string? OneOf(params ReadOnlySpan<string> words)
    {
        var text = (Node as YamlScalar)?.Value;
        foreach (var word in words)
            if (word == text)
                return word;
        Expected(string.Join(", ", words[..^1]!) + (words.Length > 1 ? " or " : "") + words[^1]);
        return null;
    }

    public IEnumerable<Field> Items(string accepted = "a list")
    {
        if (Node is YamlSequence list)
            return Index(list);
        Expected(accepted);
        return [];
    }

    /// <summary>Of what may be written alone or as a list: each.</summary>
    public IEnumerable<Field> OneOrMany() => IsList ? Items() : [this];

    /// <summary>The entries of a mapping; nothing written counts as an empty mapping.</summary>
    public IEnumerable<Field> Entries(string accepted = "a mapping")
    {
        if (Node is YamlMapping mapping)
            return Open(mapping);
        if (!IsNull)
            Expected(accepted);
        return [];
    }

    private string Got => Node switch
    {
        YamlScalar { IsNull: true } => "nothing",
        YamlScalar { Value.Length: <= 60 } scalar => $"\"{scalar.Value}\"",
        YamlScalar scalar => $"\"{scalar.Value[..60]}...\"",
        _ => Node.Kind,
    };

    private IEnumerable<Field> Index(YamlSequence list)
    {
        for (var i = 0; i < list.Items.Count; i++)
            yield return new Field($"{Path}[{i}]", "", list.Items[i].At, list.Items[i], Report);
    }

    private IEnumerable<Field> Open(YamlMapping mapping)
    {
        foreach (var entry in mapping.Entries)
            yield return new Field(Path.Length == 0 ? entry.Key : $"{Path}.{entry.Key}", entry.Key, entry.At, entry.Value, Report);
    }

    private static bool IsPassable(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
                i++;
            else if (char.IsSurrogate(text[i]) || text[i] == '\0')
                return false;
        }
        return true;
    }
}
