using Google.Protobuf;
using Grpc.Core;
using Orchestrator.Engine.Containers;
using Orchestrator.Model;

namespace Orchestrator.Agent.Session;

/// <summary>Carries bytes between a command in a container and the stream of whoever started it.</summary>
internal sealed class ExecRelay(ExecSession session, AsyncDuplexStreamingCall<StreamChunk, StreamChunk> call, CancellationToken stopping) : IDisposable
{
    private readonly SemaphoreSlim _writing = new(1, 1);
    private volatile bool _ended;

    /// <summary>Until the command has ended and all it said is passed on; when its reader goes away, it is killed.</summary>
    /// <returns>The reading of the caller's side. It ends when the server closes the stream: cancelling a read would cut the whole call off.</returns>
    public async Task<Task> RunAsync()
    {
        var input = ReadInputAsync(stopping);
        var output = Task.WhenAll(
            PassAsync(session.Output, b => new ExecOutput { Stdout = b }, stopping), PassAsync(session.Error, b => new ExecOutput { Stderr = b }, stopping));
        if (await Task.WhenAny(output, input) == input)
            await input;
        await output;
        var code = await session.WaitAsync(stopping);
        _ended = true;
        await WriteAsync(new ExecOutput { ExitCode = code }, stopping);
        return input;
    }

    public void Dispose() => _writing.Dispose();

    private async Task ReadInputAsync(CancellationToken cancellationToken)
    {
        while (await call.ResponseStream.MoveNext(cancellationToken))
        {
            if (!_ended)
                await TakeAsync(call.ResponseStream.Current.Input ?? new ExecInput(), cancellationToken);
        }
        // Whoever asked is gone: nobody wants the command any more.
        if (!_ended)
            session.Signal(Linux.Signals.Kill);
    }

    private async Task TakeAsync(ExecInput input, CancellationToken cancellationToken)
    {
        switch (input.KindCase)
        {
            case ExecInput.KindOneofCase.Stdin:
                await WriteInputAsync(input.Stdin, cancellationToken);
                break;
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
    }

    private async Task WriteInputAsync(ByteString bytes, CancellationToken cancellationToken)
    {
        try
        {
            await session.Input.WriteAsync(bytes.Memory, cancellationToken);
            await session.Input.FlushAsync(cancellationToken);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // The command reads no more; what it says may still come.
        }
    }

    private async Task PassAsync(Stream from, Func<ByteString, ExecOutput> wrap, CancellationToken cancellationToken)
    {
        var buffer = new byte[16 * 1024];
        int read;
        while ((read = await from.ReadAsync(buffer, cancellationToken)) > 0)
            await WriteAsync(wrap(ByteString.CopyFrom(buffer, 0, read)), cancellationToken);
    }

    private async Task WriteAsync(ExecOutput output, CancellationToken cancellationToken)
    {
        await _writing.WaitAsync(cancellationToken);
        try
        {
            await call.RequestStream.WriteAsync(new StreamChunk { Output = output }, cancellationToken);
        }
        finally
        {
            _writing.Release();
        }
    }
}
