using System.Text;
using Microsoft.Win32.SafeHandles;
using Orchestrator.Cli.Terminal;

namespace Orchestrator.Cli;

/// <summary>Where a command reads and writes. Containers' output goes through <see cref="RawOut"/> byte by byte, sentences through <see cref="Out"/>.</summary>
/// <param name="Terminal">Whether output is looked at by a person: then progress is redrawn in place.</param>
/// <param name="Width">Columns of that terminal; 0: unknown.</param>
internal sealed record Streams(Stream In, Stream RawOut, Stream RawError, bool Terminal, Func<int> Width)
{
    public TextWriter Out { get; } = Writer(RawOut);

    public TextWriter Error { get; } = Writer(RawError);

    public static Streams OfProcess() => new(
        Descriptor(0, FileAccess.Read),
        Output(1, Console.OpenStandardOutput),
        Output(2, Console.OpenStandardError),
        !Console.IsOutputRedirected,
        RawTerminal.Width);

    // Console would put its line editor between the terminal and us, and switch the terminal's keypad mode.
    private static FileStream Descriptor(int number, FileAccess access) => new(new SafeFileHandle(number, ownsHandle: false), access, bufferSize: 0);

    // Console would swallow that a pipe's reader is gone. In a file, it keeps the place that both streams may share.
    private static Stream Output(int number, Func<Stream> console)
    {
        var direct = Descriptor(number, FileAccess.Write);
        return direct.CanSeek ? console() : direct;
    }

    private static StreamWriter Writer(Stream stream) => new(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false)) { AutoFlush = true };
}
