using System.Buffers.Binary;
using Orchestrator.Linux.Tapes;

namespace Orchestrator.Runtime.Planning;

/// <summary>
/// Sets of signals, as the kernel keeps them. A signal is only safe from a managed process' other threads when it was blocked before the
/// program began: so the step before execve blocks it.
/// </summary>
internal static class SignalSet
{
    public const int Size = 8;

    // Faults, SIGKILL and SIGSTOP, and those by which libc and the managed runtime talk to their own threads.
    private static readonly int[] s_own = [4, 5, 6, 7, 8, 9, 11, 19, 31, 32, 33, 34];

    /// <summary>All that one process can take for another, SIGCHLD included.</summary>
    public static readonly ulong ForwardableMask = s_own.Aggregate(ulong.MaxValue, (mask, signal) => mask & ~(1UL << (signal - 1)));

    public static Argument Forwardable => Argument.Of(Bytes(ForwardableMask), "all but faults");

    public static Argument Empty => Argument.Of(Bytes(0), "none");

    private static byte[] Bytes(ulong mask)
    {
        var bytes = new byte[Size];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, mask);
        return bytes;
    }
}
