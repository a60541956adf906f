namespace Orchestrator.Keeping;

/// <summary>What is fixed between an engine and its keeper.</summary>
public static class KeeperProtocol
{
    /// <summary>Changes when a message changes its form. A keeper of another version is asked to upgrade, which all versions understand.</summary>
    public const int Version = 1;

    /// <summary>The socket's name in the runtime's root.</summary>
    public const string SocketName = "keeper.sock";

    /// <summary>No message is longer.</summary>
    public const int MessageMax = 64 * 1024;

    /// <summary>Streams come and go in pieces of at most so many bytes.</summary>
    public const int PieceMax = 32 * 1024;
}

/// <summary>What a container's stdin is.</summary>
public enum InputMode : byte
{
    /// <summary>/dev/null.</summary>
    None,

    /// <summary>Stays open while clients come and go.</summary>
    Open,

    /// <summary>Ends when the first client that was attached for input goes.</summary>
    UntilDetach,
}

/// <param name="Program">Names the program file that the keeper runs, see <c>ProcessImage.Identity</c>: an engine with another one upgrades it.</param>
public readonly record struct Welcome(int Version, int Pid, string Program)
{
    public ReadOnlySpan<byte> Write(Span<byte> buffer)
    {
        var message = new MessageWriter(buffer, MessageKind.Welcome);
        message.Put(Version);
        message.Put(Pid);
        message.Put(Program);
        return message.Message;
    }

    public static Welcome Read(MessageReader message) => new(message.Number(), message.Number(), message.Text());
}

/// <param name="Log">The log file; its directory must be there.</param>
/// <param name="LogBytesMax">It is rotated when it would grow beyond.</param>
/// <param name="LogFilesMax">All files together.</param>
public sealed record StartRequest(string Id, string Bundle, string Log, long LogBytesMax, int LogFilesMax, InputMode Input)
{
    public ReadOnlySpan<byte> Write(Span<byte> buffer)
    {
        var message = new MessageWriter(buffer, MessageKind.Start);
        message.Put(Id);
        message.Put(Bundle);
        message.Put(Log);
        message.Put(LogBytesMax);
        message.Put(LogFilesMax);
        message.Put((byte)Input);
        return message.Message;
    }

    public static StartRequest Read(MessageReader message) =>
        new(message.Text(), message.Text(), message.Text(), message.LongNumber(), message.Number(), (InputMode)message.Byte());
}

/// <summary>A container's process. Of <see cref="MessageKind.Kept"/> and <see cref="MessageKind.Started"/>.</summary>
/// <param name="Pid">0 while it is being started.</param>
/// <param name="StartTime">Clock ticks since boot.</param>
public readonly record struct RunningProcess(string Id, int Pid, ulong StartTime)
{
    public ReadOnlySpan<byte> Write(Span<byte> buffer, MessageKind kind)
    {
        var message = new MessageWriter(buffer, kind);
        message.Put(Id);
        message.Put(Pid);
        message.Put((long)StartTime);
        return message.Message;
    }

    public static RunningProcess Read(MessageReader message) => new(message.Text(), message.Number(), (ulong)message.LongNumber());
}

/// <summary>Of <see cref="MessageKind.Failed"/>, and of <see cref="MessageKind.Refused"/> without an id.</summary>
public readonly record struct Refusal(string Id, string Message)
{
    public ReadOnlySpan<byte> Write(Span<byte> buffer, MessageKind kind)
    {
        var message = new MessageWriter(buffer, kind);
        message.Put(Id);
        // Whatever a path may have made of it, it fits.
        message.Put(Message.Length <= 4096 ? Message : Message[..4096]);
        return message.Message;
    }

    public static Refusal Read(MessageReader message) => new(message.Text(), message.Text());
}

/// <param name="ExitCode">128 and the signal's number when a signal ended it; -1 when nobody saw it end.</param>
/// <param name="Signal">0 when the process ended by itself.</param>
public readonly record struct Ended(string Id, int ExitCode, int Signal, bool OomKilled, long FinishedAtUnixMs)
{
    public ReadOnlySpan<byte> Write(Span<byte> buffer)
    {
        var message = new MessageWriter(buffer, MessageKind.Ended);
        message.Put(Id);
        message.Put(ExitCode);
        message.Put(Signal);
        message.Put(OomKilled);
        message.Put(FinishedAtUnixMs);
        return message.Message;
    }

    public static Ended Read(MessageReader message) => new(message.Text(), message.Number(), message.Number(), message.Flag(), message.LongNumber());
}

/// <param name="Input">Takes the client's input as the container's.</param>
/// <param name="AwaitStart">The container is about to be started: nothing of what it says is missed.</param>
public readonly record struct AttachRequest(string Id, bool Input, bool AwaitStart)
{
    public ReadOnlySpan<byte> Write(Span<byte> buffer)
    {
        var message = new MessageWriter(buffer, MessageKind.Attach);
        message.Put(Id);
        message.Put(Input);
        message.Put(AwaitStart);
        return message.Message;
    }

    public static AttachRequest Read(MessageReader message) => new(message.Text(), message.Flag(), message.Flag());
}

/// <param name="Id">Empty on an attached connection: its container.</param>
public readonly record struct Resize(string Id, int Columns, int Rows)
{
    public ReadOnlySpan<byte> Write(Span<byte> buffer)
    {
        var message = new MessageWriter(buffer, MessageKind.Resize);
        message.Put(Id);
        message.Put(Columns);
        message.Put(Rows);
        return message.Message;
    }

    public static Resize Read(MessageReader message) => new(message.Text(), message.Number(), message.Number());
}
