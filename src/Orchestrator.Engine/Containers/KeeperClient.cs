using System.Collections.Concurrent;
using Microsoft.Win32.SafeHandles;
using Orchestrator.Keeping;
using Orchestrator.Linux;

namespace Orchestrator.Engine.Containers;

/// <summary>
/// The engine's line to the keeper, which owns the containers. Starts a keeper when none answers, and another when that one is killed; a
/// keeper of another program file becomes the engine's.
/// </summary>
/// <param name="reconcile">Gets what the keeper holds, by container, each time a connection has been made.</param>
/// <param name="ended">Gets every end.</param>
internal sealed class KeeperClient(
    EngineOptions options, RuntimeCommand runtime, Action<IReadOnlyDictionary<string, RunningProcess>> reconcile, Action<Ended> ended) : IDisposable
{
    private static readonly TimeSpan s_retry = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private readonly ConcurrentDictionary<string, TaskCompletionSource<RunningProcess>> _starts = new(StringComparer.Ordinal);
    private readonly Lock _sending = new();
    private readonly byte[] _sent = new byte[KeeperProtocol.MessageMax];
    private SafeFileHandle? _socket;
    private Thread? _thread;
    private volatile bool _disposed;

    public string SocketPath { get; } = Path.Combine(options.RuntimeRoot, KeeperProtocol.SocketName);

    public int KeeperPid { get; private set; }

    /// <returns>When a keeper is there and what it holds has been reconciled.</returns>
    /// <exception cref="ContainerException">None could be started.</exception>
    public async Task OpenAsync()
    {
        var socket = await Task.Run(Connect);
        var listed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _thread = new Thread(() => Run(socket, listed)) { IsBackground = true, Name = "keeper" };
        _thread.Start();
        await listed.Task;
    }

    /// <returns>Once its process runs.</returns>
    /// <exception cref="ContainerException">It could not be started; the message is the runtime's.</exception>
    public async Task<RunningProcess> StartAsync(StartRequest request)
    {
        var start = ExpectAsync(request.Id);
        lock (_sending)
            Send(request.Write(_sent));
        return await start;
    }

    /// <summary>How a start goes on that this engine or an earlier one asked for.</summary>
    /// <exception cref="ContainerException">It could not be started; the message is the runtime's.</exception>
    public async Task<RunningProcess> ExpectAsync(string id)
    {
        var start = _starts.GetOrAdd(id, _ => new TaskCompletionSource<RunningProcess>(TaskCreationOptions.RunContinuationsAsynchronously));
        try
        {
            return await start.Task.WaitAsync(s_patience);
        }
        catch (TimeoutException)
        {
            throw new ContainerException($"container {id}: the keeper did not start it within {s_patience.TotalSeconds} s");
        }
        finally
        {
            _starts.TryRemove(id, out _);
        }
    }

    public void Resize(string id, int columns, int rows)
    {
        lock (_sending)
            Send(new Resize(id, columns, rows).Write(_sent));
    }

    /// <summary>The keeper goes on.</summary>
    public void Dispose()
    {
        _disposed = true;
        lock (_sending)
        {
            if (_socket is { IsClosed: false })
                MessageSocket.Shutdown(_socket.Number());
        }
        _thread?.Join();
    }

    private void Run(SafeFileHandle socket, TaskCompletionSource listed)
    {
        for (var first = true; !_disposed; first = false)
        {
            if (!first && TryConnect() is { } next)
                socket = next;
            else if (!first)
            {
                Thread.Sleep(s_retry);
                continue;
            }
            using (socket)
                Converse(socket, listed);
            FailStarts();
        }
    }

    private void Converse(SafeFileHandle socket, TaskCompletionSource listed)
    {
        lock (_sending)
        {
            if (_disposed)
                return;
            _socket = socket;
            Send([(byte)MessageKind.Hello]);
        }
        var kept = new Dictionary<string, RunningProcess>(StringComparer.Ordinal);
        var buffer = new byte[KeeperProtocol.MessageMax];
        int count;
        while ((count = MessageSocket.Receive(socket.Number(), buffer, [], out _)) > 0)
        {
            var message = new MessageReader(buffer.AsSpan(0, count));
            if (message.Kind == MessageKind.Listed)
            {
                reconcile(kept);
                listed.TrySetResult();
            }
            else
                Take(message, kept);
        }
    }

    private void Take(MessageReader message, Dictionary<string, RunningProcess> kept)
    {
        switch (message.Kind)
        {
            case MessageKind.Welcome:
                var welcome = Welcome.Read(message);
                KeeperPid = welcome.Pid;
                if (welcome.Program != ProcessImage.Identity(options.RuntimePath))
                    Upgrade();
                break;
            case MessageKind.Kept:
                var held = RunningProcess.Read(message);
                kept[held.Id] = held;
                break;
            case MessageKind.Started:
                var started = RunningProcess.Read(message);
                if (_starts.TryGetValue(started.Id, out var start))
                    start.TrySetResult(started);
                break;
            case MessageKind.Failed:
                var failed = Refusal.Read(message);
                if (_starts.TryGetValue(failed.Id, out var asked))
                    asked.TrySetException(new ContainerException(failed.Message));
                break;
            case MessageKind.Ended:
                ended(Ended.Read(message));
                break;
        }
    }

    private void Upgrade()
    {
        lock (_sending)
        {
            var message = new MessageWriter(_sent, MessageKind.Upgrade);
            message.Put(options.RuntimePath);
            Send(message.Message);
        }
    }

    // A keeper that is gone is noticed by the reader.
    private void Send(ReadOnlySpan<byte> message)
    {
        if (_socket is { IsClosed: false } socket)
            MessageSocket.Send(socket.Number(), message);
    }

    // A start that was on its way to a killed keeper: what became of it is found out like after an engine's death.
    private void FailStarts()
    {
        foreach (var start in _starts.Values.Where(s => !_disposed || !s.TrySetCanceled()))
            start.TrySetException(new ContainerException("its keeper was killed during the start"));
    }

    private SafeFileHandle? TryConnect()
    {
        try
        {
            return Connect();
        }
        catch (ContainerException)
        {
            return null;
        }
    }

    private SafeFileHandle Connect()
    {
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                return MessageSocket.Connect(SocketPath);
            }
            catch (LinuxException e) when (e.Errno is Errno.ENOENT or Errno.ECONNREFUSED)
            {
                if (attempt == 20)
                    throw new ContainerException($"no keeper answers at {SocketPath}: {e.Message}", e);
                // One that is about to end because it had nothing to do still holds its place for a moment.
                if (attempt > 0)
                    Thread.Sleep(s_retry);
                runtime.StartKeeper();
            }
        }
    }
}
