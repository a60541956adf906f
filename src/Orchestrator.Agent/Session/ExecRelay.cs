using Google.Protobuf;
using Orchestrator.Engine.Containers;
using Orchestrator.Model;

namespace Orchestrator.Agent.Session;

/// <summary>Carries bytes between a command in a container and the stream of whoever started it.</summary>
internal sealed class ExecRelay(ExecSession session, Func<ExecOutput, Task> write, CancellationToken stopping) : IDisposable
{
    private readonly SemaphoreSlim _writing = new(1, 1);
    private volatile bool _ended;

    /// <returns>When the command has ended and all it said is passed on.</returns>
    public async Task RunAsync()
    {
        await Task.WhenAll(PassAsync(session.Output, b => new ExecOutput { Stdout = b }), PassAsync(session.Error, b => new ExecOutput { Stderr = b }));
        var code = await session.WaitAsync(stopping);
        _ended = true;
        await WriteAsync(new ExecOutput { ExitCode = code });
    }

    public Task TakeAsync(ExecInput? input)
    {
        switch (input?.KindCase)
        {
            case ExecInput.KindOneofCase.Stdin:
                return WriteInputAsync(input.Stdin);
            case ExecInput.KindOneofCase.StdinClosed:
                session.Input.Close();
                break;
            case ExecInput.KindOneofCase.Resize:
                session.Resize(input.Resize.Columns, input.Resize.Rows);
                break;
            case ExecInput.KindOneofCase.Signal:
                session.Signal(input.Signal);
                break;
        }
        return Task.CompletedTask;
    }

    /// <summary>Whoever asked is gone: nobody wants the command any more.</summary>
    public void Abandon()
    {
        if (!_ended)
            session.Signal(Linux.Signals.Kill);
    }

    public void Dispose() => _writing.Dispose();

    private async Task WriteInputAsync(ByteString bytes)
    {
        try
        {
            await session.Input.WriteAsync(bytes.Memory, stopping);
            await session.Input.FlushAsync(stopping);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // The command reads no more; what it says may still come.
        }
    }

    private async Task PassAsync(Stream from, Func<ByteString, ExecOutput> wrap)
    {
        var buffer = new byte[16 * 1024];
        int read;
        while ((read = await from.ReadAsync(buffer, stopping)) > 0)
            await WriteAsync(wrap(ByteString.CopyFrom(buffer, 0, read)));
    }

    private async Task WriteAsync(ExecOutput output)
    {
        await _writing.WaitAsync(stopping);
        try
        {
            await write(output);
        }
        finally
        {
            _writing.Release();
        }
    }
}
