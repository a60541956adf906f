using System.Text.Json;
using System.Text.Json.Nodes;
using Google.Protobuf;

namespace Orchestrator.Cli.Output;

/// <summary>Messages as their canonical JSON: field names in camel case, 64-bit numbers as strings, defaults written out.</summary>
internal static class JsonOutput
{
    private static readonly JsonFormatter s_formatter = new(JsonFormatter.Settings.Default.WithFormatDefaultValues(true));

    // Indented, one field a line: scripts grep it.
    private static readonly JsonWriterOptions s_indented = new() { Indented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static JsonObject Of(IMessage message) => JsonNode.Parse(s_formatter.Format(message))!.AsObject();

    public static JsonArray List<T>(IEnumerable<T> items, Func<T, JsonNode> convert) => new([.. items.Select(convert)]);

    public static string Text(JsonNode node)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, s_indented))
            node.WriteTo(writer);
        return System.Text.Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length) + "\n";
    }
}
