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

    private readonly Parser _parser;
    private readonly Report _report;
    private readonly string[] _path = new string[MaxDepth + 1];
    private readonly Dictionary<AnchorName, YamlNode> _anchors = [];

    private YamlReader(string text, Report report)
    {
        _parser = new Parser(new Scanner(new StringReader(text), skipComments: true));
        _report = report;
    }

    /// <summary>Null when the text is not one YAML document; the report then says why.</summary>
    public static YamlNode? Read(string text, Report report)
    {
        try
        {
            return new YamlReader(text, report).ReadDocument();
        }
        catch (YamlException e)
        {
            var at = At(e.Start);
            report.Error(at, "", e is RefusedYamlException ? e.Message : $"not valid YAML: {e.Message}{TabHint(text, at.Line)}");
            return null;
        }
    }

    private YamlNode? ReadDocument()
    {
        _parser.MoveNext();
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
        _parser.MoveNext();
        return node;
    }

    private YamlScalar ReadScalar(Scalar scalar)
    {
        var plain = scalar.Style is ScalarStyle.Plain && !IsTag(scalar, "str");
        if (!plain || !(IsTag(scalar, "int") || IsTag(scalar, "float") || IsTag(scalar, "bool") || IsTag(scalar, "null")))
            RefuseOtherTags(scalar, "str");
        _parser.MoveNext();
        return new YamlScalar(At(scalar.Start), scalar.Value, plain);
    }

    private YamlSequence ReadSequence(SequenceStart start, int depth)
    {
        RefuseOtherTags(start, "seq");
        _parser.MoveNext();
        var items = new List<YamlNode>();
        var size = 1;
        while (_parser.Current is not SequenceEnd)
        {
            _path[depth] = $"[{items.Count}]";
            var item = ReadNode(depth + 1);
            size = Grow(size, item);
            items.Add(item);
        }
        _parser.MoveNext();
        return new YamlSequence(At(start.Start), items);
    }

    private YamlMapping ReadMapping(MappingStart start, int depth)
    {
        RefuseOtherTags(start, "map");
        _parser.MoveNext();
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
        _parser.MoveNext();
        return new YamlMapping(At(start.Start), entries.Merged());
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
        _parser.MoveNext();
    }

    private static bool IsTag(NodeEvent node, string name) => !node.Tag.IsEmpty && node.Tag.Value == $"tag:yaml.org,2002:{name}";

    private static void RefuseOtherTags(NodeEvent node, string accepted)
    {
        if (!node.Tag.IsEmpty && !node.Tag.IsNonSpecific && !IsTag(node, accepted))
            throw Refuse(node.Start, $"the YAML tag {node.Tag.Value} is not supported; leave it out");
    }

    private static RefusedYamlException Refuse(Mark at, string message) => new(At(at), message);

    private static Position At(Mark mark) => new((int)mark.Line, (int)mark.Column);

    private static string TabHint(string text, int line)
    {
        var current = text.Split('\n').ElementAtOrDefault(line - 1) ?? "";
        return current.TakeWhile(char.IsWhiteSpace).Contains('\t') ? " (indent with spaces: YAML takes no tabs)" : "";
    }

    private sealed class RefusedYamlException(Position at, string message)
        : YamlException(new Mark(0, at.Line, at.Column), new Mark(0, at.Line, at.Column), message);
}
