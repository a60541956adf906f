using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Orchestrator.Cli;

/// <summary>Where a command reads and writes. Containers' output goes through <see cref="RawOut"/> byte by byte, sentences through <see cref="Out"/>.</summary>
/// <param name="Terminal">Whether output is looked at by a person: then progress is redrawn in place.</param>
internal sealed record Streams(Stream In, Stream RawOut, Stream RawError, bool Terminal, Func<int> Width)
{
    public TextWriter Out { get; } = Writer(RawOut);

    public TextWriter Error { get; } = Writer(RawError);

    public static Streams OfProcess() => new(
        // Console would put its line editor between the terminal and us.
        new FileStream(new SafeFileHandle(0, ownsHandle: false), FileAccess.Read, bufferSize: 0), Console.OpenStandardOutput(), Console.OpenStandardError(), !Console.IsOutputRedirected, () => Console.WindowWidth);

    private static StreamWriter Writer(Stream stream) => new(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false)) { AutoFlush = true };
}
