using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Orchestrator.Linux;

/// <summary>Processes by pid and start time, so that a reused pid is never taken for the one that was meant.</summary>
public static class Processes
{
    public static SafeFileHandle OpenPidFd(int pid) =>
        new((int)Libc.Check(Libc.syscall(434, pid, 0, 0, 0, 0, 0), $"pidfd_open {pid}"), true);

    /// <summary>The process' start in clock ticks since boot, from /proc; null when there is none, or only its corpse.</summary>
    public static ulong? StartTime(int pid)
    {
        var (state, start) = ReadStat(pid);
        return state is 'Z' or 'X' or '\0' ? null : start;
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

    /// <summary>True once the process has ended (a zombie has); needs not be its parent.</summary>
    public static unsafe bool WaitForExit(SafeHandle pidFd, int timeoutMs)
    {
        var entry = new PollEntry { Fd = (int)pidFd.DangerousGetHandle(), Events = 1 };
        return Libc.poll(&entry, 1, timeoutMs) > 0;
    }

    // The name may hold spaces and parentheses: fields are counted from the last one.
    private static (char State, ulong Start) ReadStat(int pid)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{pid}/stat");
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return (fields[0][0], ulong.Parse(fields[19], CultureInfo.InvariantCulture));
        }
        catch (IOException)
        {
            return default;
        }
    }
}
