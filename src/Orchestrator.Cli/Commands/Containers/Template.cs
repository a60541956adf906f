using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Orchestrator.Cli.Commands.Containers;

/// <summary>The part of Docker's templates that people type: {{.State.Status}}, {{json .Config}}, {{len .Mounts}}, {{index .Config.Labels "a"}}, and text around.</summary>
internal static class Template
{
    private const string Accepted = "expected text with {{.A.B}}, {{json .A}}, {{len .A}} or {{index .A \"name\"}}";
    private static readonly JsonSerializerOptions s_plain = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <exception cref="RefusedException">A template that is none, or asks for what is not there.</exception>
    public static string Render(string template, JsonNode value)
    {
        if (template == "json")
            return Json(value);
        var text = new StringBuilder();
        var rest = template;
        while (rest.IndexOf("{{", StringComparison.Ordinal) is >= 0 and var open)
        {
            var close = rest.IndexOf("}}", open, StringComparison.Ordinal);
            if (close < 0)
                throw new RefusedException($"--format {template}: {Accepted}", ExitCode.Usage);
            text.Append(Unescaped(rest[..open])).Append(Evaluate(rest[(open + 2)..close].Trim(), value));
            rest = rest[(close + 2)..];
        }
        return text.Append(Unescaped(rest)).ToString();
    }

    private static string Evaluate(string expression, JsonNode value)
    {
        var words = expression.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return words switch
        {
            [var path] when path.StartsWith('.') => Plain(At(path, value)),
            ["json", var path] when path.StartsWith('.') => Json(At(path, value)),
            ["len", var path] when path.StartsWith('.') => At(path, value) switch
            {
                JsonArray array => $"{array.Count}",
                JsonObject fields => $"{fields.Count}",
                var other => $"{Plain(other).Length}",
            },
            ["index", var path, var key] when path.StartsWith('.') => Plain(Child(At(path, value), key.Trim('"'), expression)),
            _ => throw new RefusedException($"--format: {{{{{expression}}}}}: {Accepted}", ExitCode.Usage),
        };
    }

    private static JsonNode? At(string path, JsonNode value)
    {
        JsonNode? found = value;
        foreach (var name in path.Split('.', StringSplitOptions.RemoveEmptyEntries))
            found = Child(found, name, path);
        return found;
    }

    private static JsonNode? Child(JsonNode? parent, string name, string path) => parent switch
    {
        JsonObject fields when fields.TryGetPropertyValue(name, out var field) => field,
        JsonArray array when int.TryParse(name, out var index) && index >= 0 && index < array.Count => array[index],
        _ => throw new RefusedException($"--format: there is no {name} in {path}"),
    };

    private static string Plain(JsonNode? value) => value switch
    {
        null => "<no value>",
        JsonValue text when text.TryGetValue<string>(out var plain) => plain,
        JsonValue other => other.ToJsonString(),
        JsonArray array => $"[{string.Join(' ', array.Select(Plain))}]",
        JsonObject fields => $"map[{string.Join(' ', fields.Select(f => $"{f.Key}:{Plain(f.Value)}"))}]",
        _ => value.ToJsonString(),
    };

    private static string Json(JsonNode? value)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = s_plain.Encoder }))
        {
            if (value is null)
                writer.WriteNullValue();
            else
                value.WriteTo(writer);
        }
        return Encoding.UTF8.GetString(buffer.ToArray());
    }

    private static string Unescaped(string text) => text.Replace("\\t", "\t", StringComparison.Ordinal).Replace("\\n", "\n", StringComparison.Ordinal);
}
