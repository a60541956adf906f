using System.Diagnostics;
using System.Globalization;
using Orchestrator.Model;

namespace Orchestrator.Cli.Terminal;

/// <summary>
/// The user's terminal in raw mode until disposed: every key goes to the container. Set through <c>stty</c>, because system calls
/// of our own belong to the room Linux, which the CLI has no other need of.
/// </summary>
internal sealed class RawTerminal : IDisposable
{
    private readonly string _saved;

    private RawTerminal(string saved) => _saved = saved;

    public static RawTerminal Open()
    {
        var terminal = new RawTerminal(Stty("-g"));
        Stty("raw", "-echo");
        return terminal;
    }

    public static TerminalSize Size()
    {
        var size = Stty("size").Split(' ');
        return size is [var rows, var columns]
            ? new TerminalSize { Rows = uint.Parse(rows, CultureInfo.InvariantCulture), Columns = uint.Parse(columns, CultureInfo.InvariantCulture) }
            : new TerminalSize { Rows = 24, Columns = 80 };
    }

    /// <summary>Columns of the terminal that the user sits at, wherever input comes from; 0: unknown.</summary>
    public static int Width()
    {
        try
        {
            return Stty("-F", "/dev/tty", "size").Split(' ') is [_, var columns] && int.TryParse(columns, out var width) ? width : 0;
        }
        catch (IOException)
        {
            return 0;
        }
    }

    public void Dispose() => Stty(_saved);

    private static string Stty(params string[] arguments)
    {
        using var stty = Process.Start(new ProcessStartInfo("stty", arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var output = stty.StandardOutput.ReadToEnd();
        stty.WaitForExit();
        return stty.ExitCode == 0 ? output.Trim() : throw new IOException($"stty {string.Join(' ', arguments)} ended with {stty.ExitCode}");
    }
}
