using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Orchestrator.Compose.Yaml;

/// <summary>
/// Builds the tree of one document from the parser's events. Works on events rather than on YamlDotNet's own trees to bound what aliases
/// expand to before anything is built, to name both lines of a duplicate key, and to stay free of reflection.
/// </summary>
internal sealed class YamlReader
{
    public const int MaxNodes = 200_000;
    public const int MaxDepth = 64;

    private readonly Scanner _scanner;
    private readonly Parser _parser;
    private readonly Report _report;
    private readonly Origin _origin;
    private readonly string[] _path = new string[MaxDepth + 1];
    private readonly Dictionary<AnchorName, YamlNode> _anchors = [];

    private YamlReader(string text, Origin origin, Report report)
    {
        _origin = origin;
        _scanner = new Scanner(new StringReader(text), skipComments: true);
        _parser = new Parser(_scanner);
        _report = report;
    }

    /// <summary>Null when the text is not one YAML document; the report then says why.</summary>
    public static YamlNode? Read(string text, Origin origin, Report report)
    {
        try
        {
            return new YamlReader(text, origin, report).ReadDocument();
        }
        catch (RefusedYamlException e)
        {
            report.Error(At(e.Start, origin), "", e.Message);
        }
        catch (YamlException e)
        {
            var at = At(e.Start, origin);
            if (TabNear(text, at.Line) is { } line)
                report.Error(new Position(line, 1, origin), "", "not valid YAML: indented with a tab; indent with spaces");
            else
                report.Error(at, "", $"not valid YAML: {e.Message}");
        }
        return null;
    }

    private YamlNode? ReadDocument()
    {
        Advance();
        Expect<StreamStart>();
        if (_parser.Current is StreamEnd)
            return null;
        Expect<DocumentStart>();
        var root = ReadNode(1);
        Expect<DocumentEnd>();
        if (_parser.Current is DocumentStart second)
            throw Refuse(second.Start, "a second YAML document begins here; a compose file is one document");
        return root;
    }

    private YamlNode ReadNode(int depth)
    {
        var current = _parser.Current!;
        if (depth > MaxDepth)
            throw Refuse(current.Start, $"nested deeper than {MaxDepth} levels");
        YamlNode node = current switch
        {
            AnchorAlias alias => ReadAlias(alias, depth),
            Scalar scalar => ReadScalar(scalar),
            SequenceStart start => ReadSequence(start, depth),
            MappingStart start => ReadMapping(start, depth),
            _ => throw Refuse(current.Start, "a value is missing"),
        };
        if (current is NodeEvent { Anchor.IsEmpty: false } anchored)
            _anchors[anchored.Anchor] = node;
        return node;
    }

    private YamlNode ReadAlias(AnchorAlias alias, int depth)
    {
        if (!_anchors.TryGetValue(alias.Value, out var node))
            throw Refuse(alias.Start, $"*{alias.Value} is an alias of no anchor above; write &{alias.Value} before the value to repeat");
        if (depth + node.Depth > MaxDepth)
            throw Refuse(alias.Start, $"*{alias.Value} nests deeper than {MaxDepth} levels");
        Advance();
        return node;
    }

    private YamlScalar ReadScalar(Scalar scalar)
    {
        // "!reset null": tagged, a plain scalar is what it would be without.
        var plain = scalar.Style is ScalarStyle.Plain && !IsTag(scalar, "str");
        if (!plain || !(IsTag(scalar, "int") || IsTag(scalar, "float") || IsTag(scalar, "bool") || IsTag(scalar, "null")))
            RefuseOtherTags(scalar, "str");
        Advance();
        return new YamlScalar(At(scalar.Start), scalar.Value, plain) { Mark = MarkOf(scalar) };
    }

    private YamlSequence ReadSequence(SequenceStart start, int depth)
    {
        RefuseOtherTags(start, "seq");
        Advance();
        var items = new List<YamlNode>();
        var size = 1;
        while (_parser.Current is not SequenceEnd)
        {
            _path[depth] = $"[{items.Count}]";
            var item = ReadNode(depth + 1);
            size = Grow(size, item);
            items.Add(item);
        }
        Advance();
        return new YamlSequence(At(start.Start), items) { Mark = MarkOf(start) };
    }

    private YamlMapping ReadMapping(MappingStart start, int depth)
    {
        RefuseOtherTags(start, "map");
        Advance();
        var entries = new MappingEntries();
        var size = 1;
        while (_parser.Current is not MappingEnd)
        {
            var key = ReadKey();
            _path[depth] = depth == 1 ? key.Value : $".{key.Value}";
            var value = ReadNode(depth + 1);
            size = Grow(size + 1, value);
            if (entries.Add(key, value) is { } error)
                _report.Error(key.At, string.Concat(_path.AsSpan(1, depth)), error);
        }
        Advance();
        return new YamlMapping(At(start.Start), entries.Merged()) { Mark = MarkOf(start) };
    }

    private YamlScalar ReadKey() => _parser.Current is Scalar scalar
        ? ReadScalar(scalar)
        : throw Refuse(_parser.Current!.Start, "a key must be text, not a list, a mapping or an alias");

    private static int Grow(int size, YamlNode child) => size + child.Size <= MaxNodes
        ? size + child.Size
        : throw new RefusedYamlException(child.At, $"expands to more than {MaxNodes} values; are there too many aliases of aliases?");

    private void Expect<T>() where T : ParsingEvent
    {
        if (_parser.Current is not T)
            throw Refuse(_parser.Current?.Start ?? Mark.Empty, "the document ends early");
        Advance();
    }

    // On some broken texts the parser fails in itself instead of saying where the text is wrong.
    private void Advance()
    {
        try
        {
            _parser.MoveNext();
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException or IndexOutOfRangeException or NullReferenceException)
        {
            throw Refuse(_scanner.CurrentPosition, "not valid YAML: the text cannot be read on from here");
        }
    }

    private static bool IsTag(NodeEvent node, string name) => !node.Tag.IsEmpty && node.Tag.Value == $"tag:yaml.org,2002:{name}";

    private static void RefuseOtherTags(NodeEvent node, string accepted)
    {
        if (!node.Tag.IsEmpty && !node.Tag.IsNonSpecific && !IsTag(node, accepted) && MarkOf(node) == MergeMark.None)
            throw Refuse(node.Start, $"the YAML tag {node.Tag.Value} is not supported; leave it out");
    }

    private static MergeMark MarkOf(NodeEvent node) => node.Tag.IsEmpty ? MergeMark.None : node.Tag.Value switch
    {
        "!reset" => MergeMark.Reset,
        "!override" => MergeMark.Override,
        _ => MergeMark.None,
    };

    private static RefusedYamlException Refuse(Mark at, string message) => new(At(at, null), message);

    private Position At(Mark mark) => At(mark, _origin);

    private static Position At(Mark mark, Origin? origin) => new((int)mark.Line, (int)mark.Column, origin);

    // The parser notices a tab in the indentation only after it, or while it is still on the line before.
    private static int? TabNear(string text, int line) =>
        text.Split('\n').Skip(line - 1).Take(2).Select((l, i) => (Indent: l.TakeWhile(char.IsWhiteSpace), Line: line + i))
            .Where(l => l.Indent.Contains('\t')).Select(l => (int?)l.Line).FirstOrDefault();

    private sealed class RefusedYamlException(Position at, string message)
        : YamlException(new Mark(0, at.Line, at.Column), new Mark(0, at.Line, at.Column), message);
}
