using System.Runtime.InteropServices;
using System.Threading.Channels;
using Google.Protobuf;
using Grpc.Core;
using Orchestrator.Cli.Commands.Containers;
using Orchestrator.Cli.Output;
using Orchestrator.Model;

namespace Orchestrator.Cli.Terminal;

/// <summary>Stays with a container of this machine: its output here, and input, window size and signals from here, until it ends or is left.</summary>
/// <param name="proxySignals">Signals that this program gets go to the container.</param>
/// <param name="shown">Of "stdout" and "stderr".</param>
internal sealed class AttachStream(Session session, AttachStart start, DetachKeys keys, bool proxySignals, IReadOnlyList<string> shown)
{
    private static readonly TimeSpan s_lastWords = TimeSpan.FromSeconds(2);
    private static readonly int[] s_signals = [1, 2, 3, 10, 12, 15];

    private readonly Channel<AttachInput> _input = Channel.CreateBounded<AttachInput>(16);

    /// <returns>The container's exit code; 0 when it was left running.</returns>
    public async Task<int> RunAsync()
    {
        using var terminal = start.Tty && start.Stdin && !Console.IsInputRedirected ? RawTerminal.Open() : null;
        start.Size = start.Tty && !Console.IsInputRedirected ? RawTerminal.Size() : null;
        using var ended = new CancellationTokenSource();
        using var call = session.Containers.Attach(cancellationToken: ended.Token);
        await call.RequestStream.WriteAsync(new AttachInput { Start = start });
        var signals = Signals(terminal is not null).ToList();
        var sending = SendAsync(call.RequestStream, ended.Token);
        var left = new TaskCompletionSource();
        if (start.Stdin)
            _ = ReadInputAsync(left, ended.Token);
        try
        {
            var receiving = ReceiveAsync(call.ResponseStream);
            return await Task.WhenAny(receiving, left.Task) == receiving ? await receiving : await LeaveAsync(sending, receiving);
        }
        catch (RpcException e) when (start.Start)
        {
            throw await RunCommands.NotStartedAsync(session, start.Name, e);
        }
        finally
        {
            signals.ForEach(s => s.Dispose());
            await ended.CancelAsync();
            await sending;
        }
    }

    /// <summary>What was typed before the keys still goes there.</summary>
    private async Task<int> LeaveAsync(Task sending, Task receiving)
    {
        _input.Writer.Complete();
        await Task.WhenAny(Task.WhenAll(sending, receiving), Task.Delay(s_lastWords));
        session.Error.Write(start.Tty ? "\r\n" : "");
        return ExitCode.Done;
    }

    private IEnumerable<IDisposable> Signals(bool raw)
    {
        if (raw || (start.Tty && !Console.IsInputRedirected))
            yield return PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ => _input.Writer.TryWrite(new AttachInput { Resize = RawTerminal.Size() }));
        if (!proxySignals)
            yield break;
        foreach (var number in s_signals)
            yield return PosixSignalRegistration.Create((PosixSignal)number, context =>
            {
                context.Cancel = true;
                _input.Writer.TryWrite(new AttachInput { Signal = number });
            });
    }

    private async Task<int> ReceiveAsync(IAsyncStreamReader<ExecOutput> output)
    {
        await foreach (var message in output.ReadAllAsync())
        {
            switch (message.KindCase)
            {
                case ExecOutput.KindOneofCase.Stdout when shown.Contains("stdout"):
                    await WriteAsync(session.Streams.RawOut, message.Stdout);
                    break;
                case ExecOutput.KindOneofCase.Stderr when shown.Contains("stderr"):
                    await WriteAsync(session.Streams.RawError, message.Stderr);
                    break;
                case ExecOutput.KindOneofCase.ExitCode:
                    return message.ExitCode;
                case ExecOutput.KindOneofCase.Error:
                    throw new RefusedException(Text.OneLine(message.Error), ExitCode.NotMade);
            }
        }
        throw new RefusedException("the connection to the agent ended; the container may still run", ExitCode.NotMade);
    }

    private async Task SendAsync(IClientStreamWriter<AttachInput> stream, CancellationToken ended)
    {
        try
        {
            await foreach (var message in _input.Reader.ReadAllAsync(ended))
                await stream.WriteAsync(message, ended);
            await stream.CompleteAsync();
        }
        catch (Exception e) when (e is OperationCanceledException or RpcException or InvalidOperationException or IOException)
        {
            // The call is over; how it ended is read from the other direction.
            return;
        }
    }

    private async Task ReadInputAsync(TaskCompletionSource left, CancellationToken ended)
    {
        var buffer = new byte[16 * 1024];
        try
        {
            while (await session.Streams.In.ReadAsync(buffer, ended) is > 0 and var read)
            {
                var passed = start.Tty ? keys.Pass(buffer.AsSpan(0, read), out var detach) : Whole(buffer, read, out detach);
                if (passed.Length > 0)
                    await _input.Writer.WriteAsync(new AttachInput { Stdin = UnsafeByteOperations.UnsafeWrap(passed) }, ended);
                if (detach)
                    left.TrySetResult();
            }
            await _input.Writer.WriteAsync(new AttachInput { StdinClosed = true }, ended);
        }
        catch (OperationCanceledException)
        {
            return;
        }
    }

    private static byte[] Whole(byte[] buffer, int length, out bool detach)
    {
        detach = false;
        return buffer[..length];
    }

    private static async Task WriteAsync(Stream stream, ByteString bytes)
    {
        await stream.WriteAsync(bytes.Memory);
        await stream.FlushAsync();
    }
}
