using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Orchestrator.Linux;

[Flags]
public enum PollEvents
{
    None = 0,
    Readable = 1,
    Writable = 4,
    Error = 8,
    HangUp = 16,
}

public sealed class Pipe(SafeFileHandle reader, SafeFileHandle writer) : IDisposable
{
    public SafeFileHandle Reader { get; } = reader;

    public SafeFileHandle Writer { get; } = writer;

    public void Dispose()
    {
        Reader.Dispose();
        Writer.Dispose();
    }
}

/// <summary>Descriptors by number: what a process needs that hands them on, or that must do without streams. New ones close on exec.</summary>
public static unsafe class FileDescriptors
{
    private const int CloseOnExec = 0x80000, NonBlocking = 0x800;

    public static int Number(this SafeHandle handle) => (int)handle.DangerousGetHandle();

    public static Pipe CreatePipe()
    {
        var fds = stackalloc int[2];
        Libc.Check(Libc.pipe2(fds, CloseOnExec), "pipe");
        return new Pipe(new SafeFileHandle(fds[0], true), new SafeFileHandle(fds[1], true));
    }

    /// <summary>Writes all of it. False when the reader is gone.</summary>
    public static bool Write(int fd, ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            nint written;
            fixed (byte* b = bytes)
                written = Libc.write(fd, b, bytes.Length);
            if (written >= 0)
                bytes = bytes[(int)written..];
            else if (Libc.Error("write") is var error && error.Errno is Errno.EPIPE)
                return false;
            else if (error.Errno == Errno.EAGAIN)
                Poll(fd, PollEvents.Writable, -1);
            else if (error.Errno != Errno.EINTR)
                throw error;
        }
        return true;
    }

    /// <summary>Writes what fits now. The count written; -1 when the reader is gone.</summary>
    public static int WriteNow(int fd, ReadOnlySpan<byte> bytes)
    {
        while (true)
        {
            nint written;
            fixed (byte* b = bytes)
                written = Libc.write(fd, b, bytes.Length);
            if (written >= 0)
                return (int)written;
            var error = Libc.Error("write");
            if (error.Errno == Errno.EAGAIN)
                return 0;
            if (error.Errno is Errno.EPIPE or Errno.EIO)
                return -1;
            if (error.Errno != Errno.EINTR)
                throw error;
        }
    }

    public static bool Write(int fd, string text) => Write(fd, Encoding.UTF8.GetBytes(text));

    /// <summary>The count read, 0 at the end (also a terminal that hung up), -1 when a non-blocking descriptor has nothing now.</summary>
    public static int Read(int fd, Span<byte> buffer)
    {
        while (true)
        {
            nint count;
            fixed (byte* b = buffer)
                count = Libc.read(fd, b, buffer.Length);
            if (count >= 0)
                return (int)count;
            var error = Libc.Error("read");
            if (error.Errno == Errno.EAGAIN)
                return -1;
            if (error.Errno == Errno.EIO)
                return 0;
            if (error.Errno != Errno.EINTR)
                throw error;
        }
    }

    /// <summary>Reads exactly as much as the buffer holds, from a position.</summary>
    public static void ReadAt(int fd, Span<byte> buffer, long position)
    {
        while (buffer.Length > 0)
        {
            nint count;
            fixed (byte* b = buffer)
                count = Libc.pread(fd, b, buffer.Length, (nint)position);
            if (Libc.Check(count, "pread") == 0)
                throw new EndOfStreamException("the file is shorter than it was");
            buffer = buffer[(int)count..];
            position += count;
        }
    }

    public static void Duplicate(int from, int to) => Libc.Check(Libc.dup2(from, to), "dup2");

    /// <summary>The same file under a number that leaves the low ones free; the old number is closed.</summary>
    public static SafeFileHandle MoveUp(SafeFileHandle handle, int lowest)
    {
        const int duplicateCloseOnExec = 1030;
        using (handle)
            return new SafeFileHandle(Libc.Check(Libc.fcntl(handle.Number(), duplicateCloseOnExec, lowest), "fcntl"), true);
    }

    /// <summary>What is behind a descriptor; null when there is none by this number.</summary>
    public static FileKind? Kind(int fd)
    {
        StatX status;
        fixed (byte* empty = Libc.Z(""))
            return Libc.statx(fd, empty, 0x1000, 1, &status) == 0 ? (FileKind)(status.Mode & 0xF000u) : null;
    }

    public static void SetNonBlocking(int fd)
    {
        const int getFlags = 3, setFlags = 4;
        var flags = Libc.Check(Libc.fcntl(fd, getFlags, 0), "fcntl");
        Libc.Check(Libc.fcntl(fd, setFlags, flags | NonBlocking), "fcntl");
    }

    /// <summary>The soft limit on open descriptors, raised to the hard one.</summary>
    public static void RaiseLimit()
    {
        const int descriptors = 7;
        var limit = stackalloc ulong[2];
        Libc.Check(Libc.getrlimit(descriptors, limit), "getrlimit");
        limit[0] = limit[1];
        Libc.Check(Libc.setrlimit(descriptors, limit), "setrlimit");
    }

    /// <summary>Memory as a file, gone with its last descriptor. Stays open on exec.</summary>
    public static SafeFileHandle CreateMemory(string name)
    {
        fixed (byte* n = Libc.Z(name))
            return new SafeFileHandle(Libc.Check(Libc.memfd_create(n, 0), "memfd_create"), true);
    }

    public static void SetCloseOnExec(int fd, bool close)
    {
        const int setDescriptorFlags = 2;
        Libc.Check(Libc.fcntl(fd, setDescriptorFlags, close ? 1 : 0), "fcntl");
    }

    /// <summary>Takes a copy of another process' descriptor; needs the right to trace it.</summary>
    public static SafeFileHandle TakeFrom(SafeHandle pidFd, int fd) =>
        new((int)Libc.Check(Libc.syscall(438, pidFd.DangerousGetHandle(), fd, 0, 0, 0, 0), "pidfd_getfd"), true);

    /// <summary>Signals that come while the descriptor is open are read from it; they must be blocked in every thread.</summary>
    public static SafeFileHandle OpenSignals(ulong mask) =>
        new(Libc.Check(Libc.signalfd(-1, &mask, CloseOnExec | NonBlocking), "signalfd"), true);

    public static PollEvents Poll(int fd, PollEvents events, int timeoutMs)
    {
        Span<(int Fd, PollEvents Events)> one = [(fd, events)];
        Poll(one, timeoutMs);
        return one[0].Events;
    }

    /// <summary>Waits until one is ready and replaces the events by those that came. A negative descriptor is passed over; a negative timeout waits for ever.</summary>
    /// <returns>How many are ready; 0 after the timeout.</returns>
    public static int Poll(Span<(int Fd, PollEvents Events)> waits, int timeoutMs)
    {
        var entries = stackalloc PollEntry[waits.Length];
        for (var i = 0; i < waits.Length; i++)
            entries[i] = new PollEntry { Fd = waits[i].Fd, Events = (short)waits[i].Events };
        int ready;
        while ((ready = Libc.poll(entries, (nuint)waits.Length, timeoutMs)) < 0)
        {
            var error = Libc.Error("poll");
            if (error.Errno != Errno.EINTR)
                throw error;
        }
        for (var i = 0; i < waits.Length; i++)
            waits[i].Events = (PollEvents)entries[i].Returned;
        return ready;
    }
}
