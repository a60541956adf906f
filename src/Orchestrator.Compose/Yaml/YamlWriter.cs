using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Orchestrator.Compose.Yaml;

/// <summary>A document as text that reads as the same document: what was text stays text, and a dollar sign begins no variable.</summary>
internal static class YamlWriter
{
    public static string Write(YamlMapping root)
    {
        var text = new StringWriter { NewLine = "\n" };
        var emitter = new Emitter(text, new EmitterSettings(2, int.MaxValue, isCanonical: false, maxSimpleKeyLength: 1024, indentSequences: true));
        emitter.Emit(new StreamStart());
        emitter.Emit(new DocumentStart(null, null, isImplicit: true));
        Write(root, emitter);
        emitter.Emit(new DocumentEnd(isImplicit: true));
        emitter.Emit(new StreamEnd());
        return text.ToString();
    }

    private static void Write(YamlNode node, Emitter emitter)
    {
        switch (node)
        {
            case YamlScalar scalar:
                Write(scalar, scalar.IsNull ? "null" : scalar.Value.Replace("$", "$$", StringComparison.Ordinal), emitter);
                break;
            case YamlSequence list:
                emitter.Emit(new SequenceStart(null, null, isImplicit: true, list.Items.Count == 0 ? SequenceStyle.Flow : SequenceStyle.Block));
                foreach (var item in list.Items)
                    Write(item, emitter);
                emitter.Emit(new SequenceEnd());
                break;
            case YamlMapping mapping:
                emitter.Emit(new MappingStart(null, null, isImplicit: true, mapping.Entries.Count == 0 ? MappingStyle.Flow : MappingStyle.Block));
                foreach (var entry in mapping.Entries)
                {
                    Write(new YamlScalar(entry.At, entry.Key, plain: false), entry.Key, emitter);
                    Write(entry.Value, emitter);
                }
                emitter.Emit(new MappingEnd());
                break;
        }
    }

    private static void Write(YamlScalar scalar, string value, Emitter emitter)
    {
        var bare = new YamlScalar(scalar.At, value, plain: true);
        // Line breaks that would be read as another one.
        var breaks = value.AsSpan().ContainsAny("\r\u0085\u2028\u2029");
        // What the core schema, or the YAML 1.1 of other programs, would take for something else.
        var style = scalar.Plain ? ScalarStyle.Plain
            : breaks || bare.IsNull || bare.IsBoolean || bare.IsNumber || IsOldBoolean(value) || value.Contains(':', StringComparison.Ordinal) || value == "<<" ? ScalarStyle.DoubleQuoted : ScalarStyle.Any;
        emitter.Emit(new Scalar(null, null, value, style, isPlainImplicit: true, isQuotedImplicit: true));
    }

    private static bool IsOldBoolean(string value) => value.ToLowerInvariant() is "y" or "n" or "yes" or "no" or "on" or "off";
}
