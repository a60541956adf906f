using System.Runtime.InteropServices;
using System.Threading.Channels;
using Google.Protobuf;
using Grpc.Core;
using Orchestrator.Cli.Output;
using Orchestrator.Model;
using Orchestrator.Transport;

namespace Orchestrator.Cli.Terminal;

/// <summary>One command in a container: carries its input, output, window size and signals over one stream.</summary>
/// <param name="open">The call to whoever has the container.</param>
internal sealed class ExecStream(Session session, ExecStart start, Func<CancellationToken, AsyncDuplexStreamingCall<ExecInput, ExecOutput>> open)
{
    private const int Interrupt = 2;
    private const string Unfinished = "the connection ended before the command did; it may still run";

    private static readonly TimeSpan s_lastWords = TimeSpan.FromSeconds(3);

    // gRPC takes one message at a time; input, window changes and signals come from different threads.
    private readonly Channel<ExecInput> _input = Channel.CreateBounded<ExecInput>(16);
    private bool _begun;

    public async Task<int> RunAsync(CancellationToken cancellation)
    {
        using var terminal = OpenTerminal();
        start.Size = terminal is null ? null : RawTerminal.Size();
        using var ended = new CancellationTokenSource();
        using var call = open(ended.Token);
        await call.RequestStream.WriteAsync(new ExecInput { Start = start }, cancellation);
        using var resized = terminal is null ? null : PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ => _input.Writer.TryWrite(new ExecInput { Resize = RawTerminal.Size() }));
        using var interrupted = cancellation.Register(() => InterruptThenGiveUp(ended));
        var sending = SendAsync(call.RequestStream, ended.Token);
        var reading = start.Interactive ? ReadInputAsync(ended.Token) : Task.CompletedTask;
        try
        {
            return await ReceiveAsync(call.ResponseStream);
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.Cancelled && cancellation.IsCancellationRequested)
        {
            return ExitCode.Interrupted;
        }
        catch (RpcException e) when (_begun && ServerChannel.IsServersFault(e))
        {
            throw new RefusedException(Unfinished);
        }
        finally
        {
            await ended.CancelAsync();
            await sending;
            // Not awaited: a read from a terminal ends only with the next key.
            _ = reading;
        }
    }

    private RawTerminal? OpenTerminal()
    {
        if (!start.Tty)
            return null;
        if (Console.IsInputRedirected)
            throw new RefusedException("--tty needs a terminal, but standard input is none; leave -t out", ExitCode.Usage);
        return RawTerminal.Open();
    }

    private void InterruptThenGiveUp(CancellationTokenSource ended)
    {
        _input.Writer.TryWrite(new ExecInput { Signal = Interrupt });
        ended.CancelAfter(s_lastWords);
    }

    private async Task<int> ReceiveAsync(IAsyncStreamReader<ExecOutput> output)
    {
        await foreach (var message in output.ReadAllAsync())
        {
            _begun = true;
            switch (message.KindCase)
            {
                case ExecOutput.KindOneofCase.Stdout:
                    await WriteAsync(session.Streams.RawOut, message.Stdout);
                    break;
                case ExecOutput.KindOneofCase.Stderr:
                    await WriteAsync(session.Streams.RawError, message.Stderr);
                    break;
                case ExecOutput.KindOneofCase.ExitCode:
                    return message.ExitCode;
                case ExecOutput.KindOneofCase.Error:
                    throw new RefusedException(Text.OneLine(message.Error));
            }
        }
        throw new RefusedException(Unfinished);
    }

    private async Task SendAsync(IClientStreamWriter<ExecInput> stream, CancellationToken ended)
    {
        try
        {
            await foreach (var message in _input.Reader.ReadAllAsync(ended))
                await stream.WriteAsync(message, ended);
        }
        catch (Exception e) when (e is OperationCanceledException or RpcException or InvalidOperationException or IOException)
        {
            // The call is over; how it ended is read from the other direction.
            return;
        }
    }

    private async Task ReadInputAsync(CancellationToken ended)
    {
        var buffer = new byte[16 * 1024];
        try
        {
            while (await session.Streams.In.ReadAsync(buffer, ended) is > 0 and var read)
                await _input.Writer.WriteAsync(new ExecInput { Stdin = ByteString.CopyFrom(buffer, 0, read) }, ended);
            await _input.Writer.WriteAsync(new ExecInput { StdinClosed = true }, ended);
        }
        catch (OperationCanceledException)
        {
            return;
        }
    }

    private static async Task WriteAsync(Stream stream, ByteString bytes)
    {
        await stream.WriteAsync(bytes.Memory);
        await stream.FlushAsync();
    }
}
