namespace Orchestrator.Linux;

public static unsafe class Capabilities
{
    /// <summary>What this process may at most do and pass on: bit n is capability n.</summary>
    public static ulong Permitted()
    {
        const int capget = 125;
        var header = stackalloc uint[2] { 0x20080522, 0 };
        // Effective, permitted, inheritable: the low halves, then the high ones.
        var data = stackalloc uint[6];
        Libc.Check(Libc.syscall(capget, (nint)header, (nint)data, 0, 0, 0, 0), "capget");
        return data[1] | ((ulong)data[4] << 32);
    }
}
