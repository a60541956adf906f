using Microsoft.Win32.SafeHandles;
using Orchestrator.Linux;
using Orchestrator.Runtime.Containers;

namespace Orchestrator.Runtime.Keeping;

/// <summary>
/// Both ends of a kept container's streams. Output goes through FIFOs that the container itself holds open in both directions: when nobody
/// reads them for a while it waits, and is never ended by SIGPIPE.
/// </summary>
internal sealed class LaunchStreams : IDisposable
{
    private readonly List<SafeFileHandle> _theirs = [];
    private SafeFileHandle? _output, _errors, _input;

    /// <summary>As the container gets them; -1 where its terminal takes the place, or /dev/null.</summary>
    public (int Input, int Output, int Errors) Theirs { get; private set; } = (-1, -1, -1);

    public static LaunchStreams Create(Container container, bool hasTerminal, bool hasInput)
    {
        var streams = new LaunchStreams();
        if (hasTerminal)
            return streams;
        var (input, output, errors) = (-1, streams.MakeFifo(container.FifoPath("output"), out streams._output), streams.MakeFifo(container.FifoPath("errors"), out streams._errors));
        if (hasInput)
        {
            var pipe = LaunchPipes.Create();
            streams._theirs.Add(pipe.Reader);
            streams._input = pipe.Writer;
            FileDescriptors.SetNonBlocking(pipe.Writer.Number());
            input = pipe.Reader.Number();
        }
        streams.Theirs = (input, output, errors);
        return streams;
    }

    /// <summary>As the keeper gets them: output, errors, input; or the terminal, and once more for input.</summary>
    public int Ours(SafeFileHandle? terminal, bool hasInput, Span<int> descriptors)
    {
        var count = 0;
        if (terminal is not null)
            FileDescriptors.SetNonBlocking(terminal.Number());
        foreach (var handle in terminal is null ? (SafeFileHandle?[])[_output, _errors, _input] : [terminal, hasInput ? terminal : null])
        {
            if (handle is not null)
                descriptors[count++] = handle.Number();
        }
        return count;
    }

    public void Dispose()
    {
        foreach (var handle in _theirs)
            handle.Dispose();
        _output?.Dispose();
        _errors?.Dispose();
        _input?.Dispose();
    }

    private int MakeFifo(string path, out SafeFileHandle ours)
    {
        FileSystem.MakeNode(path, FileKind.Fifo, 0x180);
        var theirs = LaunchPipes.MoveUp(FileSystem.Open(path, OpenFlags.ReadWrite));
        _theirs.Add(theirs);
        ours = LaunchPipes.MoveUp(FileSystem.Open(path, OpenFlags.ReadWrite | OpenFlags.NonBlocking));
        return theirs.Number();
    }
}
