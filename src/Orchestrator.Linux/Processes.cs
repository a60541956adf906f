using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Orchestrator.Linux;

/// <param name="Code">The exit code; 128 and the signal's number when a signal ended the process.</param>
/// <param name="Signal">0 when the process ended by itself.</param>
public readonly record struct ExitStatus(int Code, int Signal);

/// <summary>Processes by pid and start time, so that a reused pid is never taken for the one that was meant.</summary>
public static class Processes
{
    // siginfo_t of SIGCHLD, in ints.
    private const int ChildCode = 2, ChildPid = 4, ChildStatus = 6;

    public static SafeFileHandle OpenPidFd(int pid) =>
        new((int)Libc.Check(Libc.syscall(434, pid, 0, 0, 0, 0, 0), $"pidfd_open {pid}"), true);

    /// <summary>The process' start in clock ticks since boot, from /proc; null when there is none, or only its corpse.</summary>
    public static ulong? StartTime(int pid)
    {
        var fields = ReadStat(pid);
        return fields.Length == 0 || fields[0] is "Z" or "X" ? null : Start(fields);
    }

    /// <summary>A pidfd of exactly the process that started then; null when it is gone.</summary>
    public static SafeFileHandle? Find(int pid, ulong startTime)
    {
        try
        {
            var pidFd = OpenPidFd(pid);
            if (StartTime(pid) == startTime)
                return pidFd;
            pidFd.Dispose();
            return null;
        }
        catch (LinuxException e) when (e.Errno == Errno.ESRCH)
        {
            return null;
        }
    }

    /// <summary>False when the process is gone.</summary>
    public static bool Signal(SafeHandle pidFd, int signal)
    {
        if (Libc.syscall(424, pidFd.DangerousGetHandle(), signal, 0, 0, 0, 0) == 0)
            return true;
        var error = Libc.Error($"send signal {signal}");
        return error.Errno == Errno.ESRCH ? false : throw error;
    }

    /// <summary>To a child that has not been reaped: its pid cannot be another's. False when it is gone.</summary>
    public static bool SignalChild(int pid, int signal) => Libc.kill(pid, signal) == 0;

    /// <summary>True once the process has ended (a zombie has); needs not be its parent.</summary>
    public static unsafe bool WaitForExit(SafeHandle pidFd, int timeoutMs)
    {
        var entry = new PollEntry { Fd = (int)pidFd.DangerousGetHandle(), Events = 1 };
        return Libc.poll(&entry, 1, timeoutMs) > 0;
    }

    /// <summary>Reaps an ended child of this process; waits for its end if need be.</summary>
    public static unsafe ExitStatus Reap(SafeHandle pidFd)
    {
        const int waitId = 247, byPidFd = 3, exited = 4;
        var info = stackalloc int[32];
        while (Libc.syscall(waitId, byPidFd, pidFd.DangerousGetHandle(), (nint)info, exited, 0, 0) != 0)
        {
            var error = Libc.Error("wait for a child");
            if (error.Errno != Errno.EINTR)
                throw error;
        }
        return ToExitStatus(info[ChildCode], info[ChildStatus]);
    }

    /// <summary>Reaps any ended child without waiting; null when none has ended.</summary>
    public static unsafe (int Pid, ExitStatus Status)? ReapAny()
    {
        const int waitId = 247, byAny = 0, exited = 4, noHang = 1;
        var info = stackalloc int[32];
        info[ChildPid] = 0;
        if (Libc.syscall(waitId, byAny, 0, (nint)info, exited | noHang, 0, 0) != 0 || info[ChildPid] == 0)
            return null;
        return (info[ChildPid], ToExitStatus(info[ChildCode], info[ChildStatus]));
    }

    /// <summary>How a process ended that is another's child. Null when it has been reaped before Linux 6.15, which keeps no record.</summary>
    public static ExitStatus? StatusOf(SafeHandle pidFd, int pid, ulong startTime) => StatusOfZombie(pid, startTime) ?? StatusOfReaped(pidFd);

    /// <summary>How a process ended that its parent has not reaped yet; null for any other.</summary>
    public static ExitStatus? StatusOfZombie(int pid, ulong startTime)
    {
        var fields = ReadStat(pid);
        return fields.Length > 49 && fields[0] == "Z" && Start(fields) == startTime
            ? FromWaitStatus(int.Parse(fields[49], CultureInfo.InvariantCulture)) : null;
    }

    private static unsafe ExitStatus? StatusOfReaped(SafeHandle pidFd)
    {
        const nuint getInfo = 0xC050FF0B;
        const ulong exit = 8;
        // struct pidfd_info, its first version: the mask, ..., the wait status in the last word.
        var info = stackalloc ulong[8];
        new Span<ulong>(info, 8).Clear();
        info[0] = exit;
        if (Libc.ioctl(pidFd.Number(), getInfo, info) != 0 || (info[0] & exit) == 0)
            return null;
        return FromWaitStatus(*(int*)((byte*)info + 60));
    }

    private static ExitStatus FromWaitStatus(int status) =>
        (status & 0x7f) == 0 ? new ExitStatus((status >> 8) & 0xff, 0) : new ExitStatus(128 + (status & 0x7f), status & 0x7f);

    private static ExitStatus ToExitStatus(int code, int status) =>
        code == 1 ? new ExitStatus(status, 0) : new ExitStatus(128 + status, status);

    private static ulong Start(string[] fields) => ulong.Parse(fields[19], CultureInfo.InvariantCulture);

    // From the state on. The name before it may hold spaces and parentheses. Empty when there is no such process.
    private static string[] ReadStat(int pid)
    {
        try
        {
            var stat = FileSystem.ReadText($"/proc/{pid}/stat");
            return stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        }
        catch (IOException)
        {
            return [];
        }
    }
}
