using System.Text;

namespace Orchestrator.Transport;

/// <summary>RFC 4648 base32 in lower case without padding: survives being read aloud and double-clicked.</summary>
internal static class Base32
{
    private const string Alphabet = "abcdefghijklmnopqrstuvwxyz234567";

    public static string Encode(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder((bytes.Length * 8 + 4) / 5);
        int held = 0, bits = 0;
        foreach (var b in bytes)
        {
            held = (held << 8) | b;
            for (bits += 8; bits >= 5; bits -= 5)
                text.Append(Alphabet[(held >> (bits - 5)) & 31]);
            held &= (1 << bits) - 1;
        }
        return bits == 0 ? text.ToString() : text.Append(Alphabet[(held << (5 - bits)) & 31]).ToString();
    }

    public static bool IsEncodingOf(string text, int byteCount) =>
        text.Length == (byteCount * 8 + 4) / 5 && text.All(Alphabet.Contains);
}
