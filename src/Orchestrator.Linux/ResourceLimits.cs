namespace Orchestrator.Linux;

public static unsafe class ResourceLimits
{
    private const int GetAndSet = 302;

    /// <summary>Raises a process' hard limit, and leaves the soft one. False when the kernel refuses.</summary>
    public static bool RaiseHard(int pid, int resource, ulong hard)
    {
        var limits = stackalloc ulong[2];
        if (Libc.syscall(GetAndSet, pid, resource, 0, (nint)limits, 0, 0) != 0)
            return false;
        if (limits[1] >= hard)
            return true;
        limits[1] = hard;
        return Libc.syscall(GetAndSet, pid, resource, (nint)limits, 0, 0, 0) == 0;
    }
}
