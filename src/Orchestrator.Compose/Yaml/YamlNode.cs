namespace Orchestrator.Compose.Yaml;

/// <summary>A file that values were written in: what its author calls it, where its relative paths begin, and the variables that it sees.</summary>
internal sealed class Origin(string file, string directory, Func<string, string?> lookup)
{
    public string File => file;

    public string Directory => directory;

    public Func<string, string?> Lookup => lookup;

    /// <summary>A path as it was meant: from the directory on, or from the author's home.</summary>
    public string PathOf(string path) => path is "~" or ['~', '/', ..]
        ? Path.Combine(lookup("HOME") ?? "/", path[1..].TrimStart('/'))
        : Path.Combine(directory, path);
}

/// <summary>A place in a file, counted from 1. The default value is the file as a whole.</summary>
internal readonly record struct Position(int Line, int Column, Origin? Origin = null);

/// <summary>What a value does to the one that an earlier file has in its place.</summary>
internal enum MergeMark
{
    None,

    /// <summary><c>!reset</c>: it is gone.</summary>
    Reset,

    /// <summary><c>!override</c>: this one instead, whole.</summary>
    Override,
}

/// <summary>A value of a YAML document with its place. Aliases are resolved: two parents may share a node.</summary>
internal abstract class YamlNode(Position at, int size, int depth)
{
    public Position At => at;

    public MergeMark Mark { get; init; }

    /// <summary>Number of nodes when every alias is written out; what is too many for an int counts as its largest.</summary>
    public int Size => size;

    public int Depth => depth;

    // What was read is bounded; what is merged of it, by many extends of one large service, is bounded only afterwards.
    protected static int Sum(long size) => (int)Math.Min(size, int.MaxValue);

    public abstract string Kind { get; }
}

internal sealed class YamlScalar(Position at, string value, bool plain) : YamlNode(at, 1, 1)
{
    public string Value => value;

    /// <summary>Neither quoted nor the result of interpolation: such a scalar may be a number, a boolean or null.</summary>
    public bool Plain => plain;

    public bool IsNull => plain && value is "" or "~" or "null" or "Null" or "NULL";

    public bool IsBoolean => plain && value is "true" or "True" or "TRUE" or "false" or "False" or "FALSE";

    public bool IsNumber => plain && YamlNumber.Matches(value);

    public override string Kind => IsNull ? "nothing" : IsBoolean ? "a boolean" : IsNumber ? "a number" : "text";
}

internal sealed class YamlSequence(Position at, IReadOnlyList<YamlNode> items)
    : YamlNode(at, Sum(1 + items.Sum(i => (long)i.Size)), 1 + items.Select(i => i.Depth).DefaultIfEmpty().Max())
{
    public IReadOnlyList<YamlNode> Items => items;

    public override string Kind => "a list";
}

internal sealed class YamlMapping(Position at, IReadOnlyList<YamlEntry> entries)
    : YamlNode(at, Sum(1 + entries.Sum(e => 1L + e.Value.Size)), 1 + entries.Select(e => e.Value.Depth).DefaultIfEmpty().Max())
{
    public IReadOnlyList<YamlEntry> Entries => entries;

    public override string Kind => "a mapping";
}

internal readonly record struct YamlEntry(string Key, Position At, YamlNode Value);
