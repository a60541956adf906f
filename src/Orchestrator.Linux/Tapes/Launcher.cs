using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Orchestrator.Linux.Tapes;

/// <param name="Namespaces">New namespaces for the child. Cgroup belongs in the tape, after the child has joined its groups.</param>
/// <param name="CgroupFd">A directory of the unified hierarchy to be born in, or -1.</param>
/// <param name="Plain">Uses clone instead of clone3, for inside containers whose filter knows no clone3. No pidfd then.</param>
/// <param name="Sibling">The child's parent is this process' parent, which also reaps it.</param>
public sealed record CloneOptions(NamespaceKinds Namespaces = NamespaceKinds.None, int CgroupFd = -1, bool Plain = false, bool Sibling = false);

/// <param name="StepIndex">The step of the tape that failed; -1 when it was the clone itself.</param>
public readonly record struct TapeFailure(int StepIndex, int Errno);

public sealed class ChildProcess(int pid, SafeFileHandle? pidFd) : IDisposable
{
    public int Pid { get; } = pid;

    public SafeFileHandle PidFd => pidFd ?? throw new InvalidOperationException("a plain clone has no pidfd");

    public void Dispose() => pidFd?.Dispose();
}

public static unsafe class Launcher
{
    private const ulong ClearSignalHandlers = 0x100000000, IntoCgroup = 0x200000000, WithPidFd = 0x1000, OfParent = 0x8000;
    private const int SetMask = 2;

    [StructLayout(LayoutKind.Sequential)]
    private struct CloneArguments
    {
        public ulong Flags, PidFd, ChildTid, ParentTid, ExitSignal, Stack, StackSize, Tls, SetTid, SetTidSize, Cgroup;
    }

    /// <summary>
    /// Starts a child that runs the tape. A step that fails writes its index and errno to <paramref name="errorFd"/> (the number it has in the
    /// child at that moment), see <see cref="ReadFailure"/>.
    /// </summary>
    public static ChildProcess Launch(Tape tape, int errorFd, CloneOptions options)
    {
        using var loaded = new LoadedTape(tape, errorFd);
        var pidFd = -1;
        var arguments = new CloneArguments
        {
            Flags = (ulong)(uint)options.Namespaces | ClearSignalHandlers | WithPidFd | (options.CgroupFd >= 0 ? IntoCgroup : 0) | (options.Sibling ? OfParent : 0),
            PidFd = (ulong)&pidFd,
            ExitSignal = options.Sibling ? 0 : (ulong)Signals.Child,
            Cgroup = options.CgroupFd >= 0 ? (ulong)options.CgroupFd : 0,
        };
        Prepare(loaded.Header, &arguments, options);
        var pid = WithSignalsBlocked(() => CloneCode.Run(loaded.Header));
        if (pid < 0)
            throw new LinuxException((int)-pid, $"clone with {options.Namespaces}");
        return new ChildProcess((int)pid, pidFd >= 0 ? new SafeFileHandle(pidFd, true) : null);
    }

    /// <summary>What a child wrote to its error pipe; null at its end, which a successful execve makes.</summary>
    public static TapeFailure? ReadFailure(int errorPipe)
    {
        Span<byte> report = stackalloc byte[16];
        var count = FileDescriptors.Read(errorPipe, report);
        return count < 0 ? null : ParseFailure(report[..count]);
    }

    /// <summary>Null for bytes that are no report.</summary>
    public static TapeFailure? ParseFailure(ReadOnlySpan<byte> report) => report.Length != 16 ? null
        : new TapeFailure((int)BinaryPrimitives.ReadInt64LittleEndian(report), (int)BinaryPrimitives.ReadInt64LittleEndian(report[8..]));

    private static void Prepare(TapeHeader* header, CloneArguments* arguments, CloneOptions options)
    {
        header->CloneCall = (nint)(options.Plain ? Syscall.clone : Syscall.clone3);
        header->CloneArguments[0] = options.Plain ? Signals.Child | (long)options.Namespaces : (long)arguments;
        header->CloneArguments[1] = options.Plain ? 0 : sizeof(CloneArguments);
    }

    // A handler of the parent's must not run in the child.
    private static nint WithSignalsBlocked(Func<nint> run)
    {
        var all = ulong.MaxValue;
        ulong before = 0;
        Libc.Check(Libc.syscall((nint)Syscall.rt_sigprocmask, SetMask, (nint)(&all), (nint)(&before), sizeof(ulong), 0, 0), "block signals");
        var result = run();
        Libc.Check(Libc.syscall((nint)Syscall.rt_sigprocmask, SetMask, (nint)(&before), 0, sizeof(ulong), 0, 0), "unblock signals");
        return result;
    }
}
