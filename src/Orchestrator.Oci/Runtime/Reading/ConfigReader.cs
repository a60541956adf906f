using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.Json;

namespace Orchestrator.Oci.Runtime.Reading;

/// <summary>Reads one value: the reader is at its first token, and at its last one afterwards.</summary>
public delegate T ReadValue<out T>(ref ConfigReader json);

/// <summary>
/// JSON field by field. The serializer would build its picture of forty types first, with reflection: more work than all else that a container's
/// start costs this process. A null is a value only where one is asked for as <c>OrNull</c>.
/// </summary>
public ref struct ConfigReader
{
    private const int NameLengthMax = 64;

    private readonly ReadOnlySpan<byte> _json;
    private readonly char[] _name = new char[NameLengthMax];
    private Utf8JsonReader _reader;

    private ConfigReader(ReadOnlySpan<byte> json)
    {
        _json = json;
        _reader = new Utf8JsonReader(json);
    }

    /// <exception cref="JsonException">No JSON, or a value of the wrong kind: the message names the field by its path.</exception>
    public static T Parse<T>(ReadOnlySpan<byte> json, ReadValue<T> read)
    {
        try
        {
            var reader = new ConfigReader(json);
            reader._reader.Read();
            var value = read(ref reader);
            reader._reader.Read();
            return value;
        }
        catch (InvalidOperationException e) when (e.InnerException is DecoderFallbackException or null)
        {
            // The reader checks a string only when it is asked for.
            throw new JsonException($"a name or a string is no UTF-8: {e.Message}", e);
        }
    }

    /// <summary>Before the fields of an object.</summary>
    public void Enter() => Expect(JsonTokenType.StartObject, "an object");

    /// <summary>The next field of the object, its value to be read or skipped; false at the end.</summary>
    public bool Next(out ReadOnlySpan<char> name)
    {
        _reader.Read();
        var more = _reader.TokenType == JsonTokenType.PropertyName;
        // A longer name is none that is known.
        name = more && _reader.ValueSpan.Length <= NameLengthMax ? _name.AsSpan(0, _reader.CopyString(_name)) : default;
        if (more)
            _reader.Read();
        return more;
    }

    public void Skip() => _reader.Skip();

    public bool Flag() => _reader.TokenType switch
    {
        JsonTokenType.True => true,
        JsonTokenType.False => false,
        _ => throw Wrong("true or false"),
    };

    public string Text()
    {
        Expect(JsonTokenType.String, "a string");
        return _reader.GetString()!;
    }

    public T Number<T>()
        where T : struct, IBinaryInteger<T>, IMinMaxValue<T> =>
        _reader.TokenType == JsonTokenType.Number && T.TryParse(_reader.ValueSpan, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value)
            ? value : throw Wrong($"a whole number from {T.MinValue} to {T.MaxValue}");

    public string? TextOrNull() => IsNull ? null : Text();

    public bool? FlagOrNull() => IsNull ? null : Flag();

    public T? NumberOrNull<T>()
        where T : struct, IBinaryInteger<T>, IMinMaxValue<T> => IsNull ? null : Number<T>();

    public T? OrNull<T>(ReadValue<T> read)
        where T : class => IsNull ? null : read(ref this);

    public JsonElement? ElementOrNull() => IsNull ? null : JsonElement.ParseValue(ref _reader);

    public IReadOnlyList<string> Texts() => List(static (ref json) => json.Text());

    public IReadOnlyList<T> List<T>(ReadValue<T> read)
    {
        Expect(JsonTokenType.StartArray, "a list");
        var list = new List<T>();
        while (_reader.Read() && _reader.TokenType != JsonTokenType.EndArray)
            list.Add(read(ref this));
        return list;
    }

    public IReadOnlyDictionary<string, string> TextsByName() => ByName(static (ref json) => json.Text());

    public IReadOnlyDictionary<string, T> ByName<T>(ReadValue<T> read)
    {
        Enter();
        var values = new Dictionary<string, T>();
        while (_reader.Read() && _reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = _reader.GetString()!;
            _reader.Read();
            values[name] = read(ref this);
        }
        return values;
    }

    private bool IsNull => _reader.TokenType == JsonTokenType.Null;

    private void Expect(JsonTokenType type, string accepted)
    {
        if (_reader.TokenType != type)
            throw Wrong(accepted);
    }

    private JsonException Wrong(string accepted) => new($"{Path(_json, _reader.TokenStartIndex)} is {Found()}; accepted: {accepted}");

    private string Found() => _reader.TokenType switch
    {
        JsonTokenType.StartObject => "an object",
        JsonTokenType.StartArray => "a list",
        JsonTokenType.String => $"\"{_reader.GetString()}\"",
        _ => Encoding.UTF8.GetString(_reader.ValueSpan),
    };

    // From the start once more: a text that is right pays nothing for its errors.
    private static string Path(ReadOnlySpan<byte> json, long position)
    {
        var reader = new Utf8JsonReader(json);
        var within = new Stack<(string? Name, int Index)>();
        while (reader.Read() && reader.TokenStartIndex <= position)
        {
            if (reader.TokenType is JsonTokenType.EndObject or JsonTokenType.EndArray)
                within.Pop();
            else if (reader.TokenType == JsonTokenType.PropertyName)
                within.Push((reader.GetString(), within.Pop().Index));
            else
                Count(within);
            if (reader.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray && reader.TokenStartIndex < position)
                within.Push((reader.TokenType == JsonTokenType.StartArray ? null : "", -1));
        }
        return "$" + string.Concat(within.Reverse().Select(w => w.Name is null ? $"[{w.Index}]" : $".{w.Name}"));
    }

    // Another element of a list.
    private static void Count(Stack<(string? Name, int Index)> within)
    {
        if (within.TryPeek(out var innermost) && innermost.Name is null)
            within.Push((null, within.Pop().Index + 1));
    }
}
