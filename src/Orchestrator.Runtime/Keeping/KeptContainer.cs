using Microsoft.Win32.SafeHandles;
using Orchestrator.Keeping;
using Orchestrator.Linux;

namespace Orchestrator.Runtime.Keeping;

/// <summary>Descriptors of a container that the keeper holds; null where there is none.</summary>
/// <param name="Output">A FIFO that is open for both directions, or the master of its terminal.</param>
internal sealed record ContainerDescriptors(SafeFileHandle? Output, SafeFileHandle? Errors, SafeFileHandle? Input, bool HasTerminal);

/// <summary>One container in the keeper's hands: from the request to start it until its end is on record.</summary>
internal sealed class KeptContainer(Keeper keeper, StartRequest request)
{
    /// <summary>What is read at most after the first process' end.</summary>
    private const int DrainReadsMax = 1024;

    /// <summary>A disk that hangs longer costs the last lines, not the news of the end.</summary>
    private const long DrainMs = 2000;

    private List<KeeperConnection>? _attached;
    private ContainerStream? _output, _errors;
    private ContainerInput? _input;
    private ExitStatus _status;
    private int _drainReads = DrainReadsMax;
    private bool _waitsForLog, _isClosing, _isFinished;

    public StartRequest Request { get; } = request;

    public string Id => Request.Id;

    public ContainerLog Log { get; } = new(new LogFile(request.Log, request.LogBytesMax, request.LogFilesMax), keeper.LogWriter);

    /// <summary>Null until its process runs.</summary>
    public RunningProcess? Process { get; private set; }

    /// <summary>Of a container that an earlier keeper started: not our child, so its end is learned by pidfd.</summary>
    public AdoptedProcess? Adopted { get; private set; }

    public string CgroupPath { get; set; } = "";

    public ContainerDescriptors? Descriptors { get; private set; }

    /// <summary>Environment.TickCount64 when its end is told whatever the disk does; 0 while it runs.</summary>
    public long EndsAt { get; private set; }

    public ReadOnlySpan<byte> PendingOutput => _output is null ? [] : _output.Lines.Pending;

    public ReadOnlySpan<byte> PendingErrors => _errors is null ? [] : _errors.Lines.Pending;

    public void BecomeRunning(RunningProcess process, ContainerDescriptors descriptors)
    {
        Process = process;
        Descriptors = descriptors;
        if (descriptors.Output is { } output)
            _output = new ContainerStream(this, output, MessageKind.Output, keeper.Loop);
        if (descriptors.Errors is { } errors)
            _errors = new ContainerStream(this, errors, MessageKind.Errors, keeper.Loop);
        if (descriptors.Input is { } input)
            _input = new ContainerInput(input, descriptors.HasTerminal, keeper.Loop);
        _output?.Resume();
        _errors?.Resume();
    }

    public void Adopt(SafeFileHandle pidFd)
    {
        Adopted = new AdoptedProcess(pidFd, this, keeper.Loop);
        keeper.Loop.Watch(Adopted, PollEvents.Readable);
    }

    /// <summary>The beginnings of lines that an earlier program of this keeper had read.</summary>
    public void Continue(ReadOnlySpan<byte> output, ReadOnlySpan<byte> errors)
    {
        _output?.Lines.Take(output, DateTime.UtcNow);
        _errors?.Lines.Take(errors, DateTime.UtcNow);
    }

    public void Attach(KeeperConnection client) => (_attached ??= []).Add(client);

    public void Detach(KeeperConnection client, bool gaveInput)
    {
        _attached?.Remove(client);
        if (gaveInput && Request.Input == InputMode.UntilDetach && Descriptors?.HasTerminal != true)
            _input?.Close();
    }

    /// <summary>Hands what it says to the clients; each takes it now or misses it.</summary>
    public void Pass(MessageKind kind, ReadOnlySpan<byte> said)
    {
        for (var i = 0; _attached is not null && i < _attached.Count; i++)
            _attached[i].SendOutput(kind, said);
    }

    public void TakeInput(ReadOnlySpan<byte> bytes, KeeperConnection sender) => _input?.Write(bytes, sender);

    public void EndInput() => _input?.End();

    public void Resize(int columns, int rows)
    {
        if (Descriptors is { HasTerminal: true, Output: { IsClosed: false } master })
            Terminals.Resize(master.Number(), new TerminalSize((ushort)rows, (ushort)columns));
    }

    public void WaitForLog()
    {
        if (!_waitsForLog)
            keeper.WaitForLog(this);
        _waitsForLog = true;
    }

    /// <summary>The log got on. False while it has to wait further.</summary>
    public bool GoOn()
    {
        if (EndsAt == 0 && !Log.HasRoom)
            return false;
        _waitsForLog = false;
        if (EndsAt == 0)
        {
            _output?.Resume();
            _errors?.Resume();
        }
        else
            Drain();
        return !_waitsForLog;
    }

    /// <summary>Its first process is gone.</summary>
    public void End(ExitStatus status)
    {
        _status = status;
        EndsAt = Environment.TickCount64 + DrainMs;
        _input?.Close();
        Drain();
    }

    /// <summary>Its end is told now, whatever of its output has not come through.</summary>
    public void Finish()
    {
        if (_isFinished)
            return;
        _isFinished = true;
        _output?.Close();
        _errors?.Close();
        Adopted?.Close();
        keeper.Finish(this, _status);
        foreach (var client in _attached?.ToArray() ?? [])
            client.EndOfContainer();
    }

    private void Drain()
    {
        if (_output?.Drain(ref _drainReads) == false || _errors?.Drain(ref _drainReads) == false)
        {
            WaitForLog();
            return;
        }
        _output?.Lines.Finish(DateTime.UtcNow);
        _errors?.Lines.Finish(DateTime.UtcNow);
        Log.Flush();
        if (Log.IsClosed || !Log.IsUsed)
            Finish();
        else
            CloseLog();
    }

    private void CloseLog()
    {
        if (!_isClosing)
            Log.Close();
        _isClosing = true;
        WaitForLog();
    }
}
