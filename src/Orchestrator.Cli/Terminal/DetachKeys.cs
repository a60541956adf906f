namespace Orchestrator.Cli.Terminal;

/// <summary>Finds the keys that leave a container in what is typed. Keys that only begin like them are passed on late.</summary>
internal sealed class DetachKeys(byte[] keys)
{
    private int _matched;

    /// <param name="text">"ctrl-p,ctrl-q", "ctrl-a,d"; empty: none.</param>
    public static DetachKeys Parse(string text) => new([.. text.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(Key)]);

    /// <param name="input">What was typed.</param>
    /// <param name="detach">The keys were all typed; what came after them is dropped.</param>
    /// <returns>What is to be passed on.</returns>
    public byte[] Pass(ReadOnlySpan<byte> input, out bool detach)
    {
        var passed = new List<byte>(input.Length + keys.Length);
        detach = false;
        foreach (var key in input)
        {
            if (keys.Length > 0 && key == keys[_matched])
            {
                if (++_matched < keys.Length)
                    continue;
                detach = true;
                _matched = 0;
                break;
            }
            passed.AddRange(keys[.._matched]);
            _matched = keys.Length > 0 && key == keys[0] ? 1 : 0;
            if (_matched == 0)
                passed.Add(key);
        }
        return [.. passed];
    }

    private static byte Key(string text)
    {
        if (text.Length == 1)
            return (byte)text[0];
        if (text.Length == 6 && text.StartsWith("ctrl-", StringComparison.Ordinal) && char.ToLowerInvariant(text[5]) is (>= 'a' and <= 'z') or '@' or '[' or '\\' or ']' or '^' or '_')
            return (byte)(char.ToUpperInvariant(text[5]) & 0x1f);
        throw new FormatException($"\"{text}\": expected a letter, or ctrl- and a letter or one of @[\\]^_, with commas between");
    }
}
