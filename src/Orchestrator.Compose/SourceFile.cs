using System.Text;
using Orchestrator.Model;

namespace Orchestrator.Compose;

/// <summary>Reads a file whole, but never more of it than a compose file can sensibly be.</summary>
internal static class SourceFile
{
    public const int MaxBytes = 1 << 20;

    private static readonly UTF8Encoding s_strictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The text, or why there is none; neither when there is no such file.</summary>
    public static (string? Text, string? Error) Read(Func<string, Stream?> open, string path)
    {
        try
        {
            using var stream = open(path);
            return stream is null ? (null, null) : Read(stream);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return (null, $"cannot be read: {e.Message}");
        }
    }

    private static (string? Text, string? Error) Read(Stream stream)
    {
        if (stream.CanSeek && stream.Length > MaxBytes)
            return (null, TooLarge(Amount.Bytes(stream.Length)));
        var buffer = new byte[MaxBytes + 1];
        var length = stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
        return length > MaxBytes ? (null, TooLarge($"more than {Amount.Bytes(MaxBytes)}")) : Decode(buffer.AsSpan(0, length));
    }

    private static (string? Text, string? Error) Decode(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return (s_strictUtf8.GetString(bytes.StartsWith(Encoding.UTF8.Preamble) ? bytes[3..] : bytes), null);
        }
        catch (DecoderFallbackException)
        {
            return (null, "is not UTF-8 text");
        }
    }

    private static string TooLarge(string size) => $"is too large: {size}; at most {Amount.Bytes(MaxBytes)} are accepted";
}
