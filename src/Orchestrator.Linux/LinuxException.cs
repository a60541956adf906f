using System.Runtime.InteropServices;

namespace Orchestrator.Linux;

/// <summary>A refusal by the kernel: what was asked, and the errno.</summary>
public sealed class LinuxException(int errno, string what)
    : IOException($"{what}: {Marshal.GetPInvokeErrorMessage(errno)} ({Linux.Errno.Name(errno)})")
{
    public int Errno { get; } = errno;

    /// <summary>The operation, with its object, as in <c>mount /proc</c>.</summary>
    public string What { get; } = what;
}
