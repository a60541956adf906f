using Orchestrator.Linux;

namespace Orchestrator.Runtime.Keeping;

/// <summary>Records on their way to one log file.</summary>
internal sealed class LogChunk
{
    public const int Size = 32 * 1024;

    public byte[] Bytes { get; } = new byte[Size];

    public int Length { get; set; }
}

/// <summary>The one thread that writes log files, so that a slow disk holds up neither the ends of containers nor what attached clients see.</summary>
internal sealed class LogWriter : IDisposable
{
    /// <summary>A container is read no further while so much of it, or of all together, waits for the disk.</summary>
    private const int WaitingMax = 32, WaitingOfOneMax = 8, SpareMax = 4;

    private readonly Lock _lock = new();
    private readonly Queue<(ContainerLog Log, LogChunk? Chunk)> _queue = new();
    private readonly Stack<LogChunk> _spare = new();
    private readonly Wakeup _work = new();
    private readonly Thread _thread;
    private int _waiting;
    private bool _ending;

    public LogWriter()
    {
        _thread = new Thread(Run, 128 * 1024) { IsBackground = true };
        _thread.Start();
    }

    /// <summary>Set when something that waited for the disk can go on.</summary>
    public Wakeup Progress { get; } = new();

    public bool IsIdle
    {
        get
        {
            lock (_lock)
                return _waiting == 0 && _queue.Count == 0;
        }
    }

    public bool HasRoomFor(ContainerLog log)
    {
        lock (_lock)
            return _waiting < WaitingMax && log.Waiting < WaitingOfOneMax;
    }

    public LogChunk Rent()
    {
        lock (_lock)
            return _spare.TryPop(out var chunk) ? chunk : new LogChunk();
    }

    /// <param name="chunk">Null closes the file: <see cref="ContainerLog.IsClosed"/> says when that is done.</param>
    public void Enqueue(ContainerLog log, LogChunk? chunk)
    {
        lock (_lock)
        {
            _queue.Enqueue((log, chunk));
            _waiting++;
            log.Waiting++;
        }
        _work.Set();
    }

    public void Dispose()
    {
        Volatile.Write(ref _ending, true);
        _work.Set();
        _thread.Join();
        _work.Dispose();
        Progress.Dispose();
    }

    private void Run()
    {
        while (!Volatile.Read(ref _ending))
        {
            FileDescriptors.Poll(_work.Descriptor, PollEvents.Readable, -1);
            _work.Reset();
            while (Next() is var (log, chunk))
            {
                if (chunk is null)
                    log.File.Dispose();
                else
                    log.File.Write(chunk.Bytes.AsSpan(0, chunk.Length));
                Done(log, chunk);
            }
            Progress.Set();
        }
    }

    private (ContainerLog, LogChunk?)? Next()
    {
        lock (_lock)
            return _queue.TryDequeue(out var job) ? job : null;
    }

    private void Done(ContainerLog log, LogChunk? chunk)
    {
        lock (_lock)
        {
            _waiting--;
            log.Waiting--;
            if (chunk is null)
                log.IsClosed = true;
            else if (_spare.Count < SpareMax)
            {
                chunk.Length = 0;
                _spare.Push(chunk);
            }
        }
        // One that waits for its own file must not wait for all the others'.
        if (chunk is null)
            Progress.Set();
    }
}
