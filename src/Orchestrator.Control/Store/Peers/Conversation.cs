using System.Net.Sockets;

namespace Orchestrator.Control.Store.Peers;

/// <summary>The asking side of an open connection. One exchange at a time; after one that failed the connection is of no use.</summary>
internal sealed class Conversation(Socket socket, FrameStream frames) : IDisposable
{
    private readonly CancellationTokenSource _limit = new();
    private TimeSpan _silence;

    /// <summary>False while an exchange is under way, and after one that failed.</summary>
    public bool IsUsable { get; private set; } = true;

    /// <param name="silence">How long nothing may move in either direction.</param>
    /// <exception cref="TimeoutException">The other side was silent for too long.</exception>
    public async Task<Answer> ExchangeAsync(Func<Conversation, Task<Answer>> exchange, TimeSpan silence, CancellationToken token)
    {
        (IsUsable, _silence) = (false, silence);
        frames.Progressed = Progressed;
        Progressed();
        try
        {
            Answer answer;
            using (token.UnsafeRegister(limit => ((CancellationTokenSource)limit!).Cancel(), _limit))
                answer = await exchange(this).ConfigureAwait(false);
            IsUsable = _limit.TryReset();
            return answer;
        }
        catch (OperationCanceledException) when (_limit.IsCancellationRequested)
        {
            token.ThrowIfCancellationRequested();
            throw new TimeoutException($"silent for {silence.TotalMilliseconds} ms");
        }
    }

    public ValueTask SendAsync<TMessage>(FrameKind kind, TMessage message)
        where TMessage : IMessage => frames.WriteAsync(kind, message, _limit.Token);

    public ValueTask SendAsync(FrameKind kind, ReadOnlyMemory<byte> body) => frames.WriteAsync(kind, body, _limit.Token);

    /// <summary>The next frame that is not only a sign of life.</summary>
    public async Task<Frame> ReceiveAsync()
    {
        while (true)
            if (await frames.ReadAsync(_limit.Token).ConfigureAwait(false) is { Kind: not FrameKind.Working } frame)
                return frame;
    }

    public async Task<Answer> ReceiveAnswerAsync() => AnswerIn(await ReceiveAsync().ConfigureAwait(false));

    public static Answer AnswerIn(Frame frame) =>
        frame.Kind == FrameKind.Answer ? Answer.Parse(frame.Body) : throw new InvalidDataException($"a server sent {frame.Kind} where an answer was due");

    public void Dispose()
    {
        socket.Dispose();
        _limit.Dispose();
    }

    private void Progressed() => _limit.CancelAfter(_silence);
}
