using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Orchestrator.Linux;

namespace Orchestrator.Runtime.Relaying;

/// <summary>Carries a terminal's bytes over this process' stdin and stdout until the child ends.</summary>
internal sealed class TerminalRelay
{
    private const int Input = 0, Output = 1;
    private const byte EndOfTransmission = 4;
    private readonly byte[] _buffer = new byte[32 * 1024];
    private readonly int _master;
    private string _size = "";

    private TerminalRelay(int master) => _master = master;

    /// <param name="resizePipe">A FIFO that carries a line "columns rows" for each change of size; null for none.</param>
    public static void Run(SafeFileHandle master, SafeFileHandle child, string? resizePipe)
    {
        // Open in both directions, it never ends while writers come and go.
        using var sizes = resizePipe is null ? null : FileSystem.Open(resizePipe, OpenFlags.ReadWrite | OpenFlags.NonBlocking);
        var own = Terminals.IsTerminal(Input);
        using var raw = own ? Terminals.MakeRaw(Input) : null;
        using var resized = own ? PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ => Terminals.Resize(master.Number(), Terminals.Size(Input))) : null;
        if (own)
            Terminals.Resize(master.Number(), Terminals.Size(Input));
        new TerminalRelay(master.Number()).Run(child.Number(), sizes?.Number() ?? -1);
    }

    private void Run(int child, int sizes)
    {
        Span<(int Fd, PollEvents Events)> waits = stackalloc (int, PollEvents)[4];
        var (input, output) = (Input, _master);
        while (true)
        {
            waits[0] = (sizes, PollEvents.Readable);
            waits[1] = (input, PollEvents.Readable);
            waits[2] = (output, PollEvents.Readable);
            waits[3] = (child, PollEvents.Readable);
            FileDescriptors.Poll(waits, -1);
            if (waits[0].Events != PollEvents.None)
                ReadSize(sizes);
            if (waits[1].Events != PollEvents.None && !CopyInput())
                input = -1;
            if (waits[2].Events != PollEvents.None && !CopyOutput())
                output = -1;
            if (waits[3].Events != PollEvents.None)
                break;
        }
        while (output >= 0 && FileDescriptors.Poll(output, PollEvents.Readable, 0).HasFlag(PollEvents.Readable) && CopyOutput())
        {
        }
    }

    private bool CopyInput()
    {
        var count = FileDescriptors.Read(Input, _buffer);
        // A shell waits for more than silence.
        return count > 0 ? FileDescriptors.Write(_master, _buffer.AsSpan(0, count)) : !FileDescriptors.Write(_master, [EndOfTransmission]);
    }

    private bool CopyOutput()
    {
        var count = FileDescriptors.Read(_master, _buffer);
        return count > 0 && FileDescriptors.Write(Output, _buffer.AsSpan(0, count));
    }

    private void ReadSize(int sizes)
    {
        var count = FileDescriptors.Read(sizes, _buffer);
        _size += Encoding.ASCII.GetString(_buffer, 0, Math.Max(0, count));
        for (var end = _size.IndexOf('\n', StringComparison.Ordinal); end >= 0; end = _size.IndexOf('\n', StringComparison.Ordinal))
        {
            if (_size[..end].Split(' ') is [var columns, var rows] && ushort.TryParse(columns, out var c) && ushort.TryParse(rows, out var r))
                Terminals.Resize(_master, new TerminalSize(r, c));
            _size = _size[(end + 1)..];
        }
    }
}
