namespace Orchestrator.Compose.Values;

/// <summary>Names that the Linux kernel gives: signals and capabilities.</summary>
internal static class KernelNames
{
    private static readonly string[] s_signals =
    [
        "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM", "STKFLT",
        "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
    ];

    private static readonly HashSet<string> s_capabilities =
    [
        "ALL", "AUDIT_CONTROL", "AUDIT_READ", "AUDIT_WRITE", "BLOCK_SUSPEND", "BPF", "CHECKPOINT_RESTORE", "CHOWN", "DAC_OVERRIDE",
        "DAC_READ_SEARCH", "FOWNER", "FSETID", "IPC_LOCK", "IPC_OWNER", "KILL", "LEASE", "LINUX_IMMUTABLE", "MAC_ADMIN", "MAC_OVERRIDE",
        "MKNOD", "NET_ADMIN", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_RAW", "PERFMON", "SETFCAP", "SETGID", "SETPCAP", "SETUID",
        "SYS_ADMIN", "SYS_BOOT", "SYS_CHROOT", "SYS_MODULE", "SYS_NICE", "SYS_PACCT", "SYS_PTRACE", "SYS_RAWIO", "SYS_RESOURCE",
        "SYS_TIME", "SYS_TTY_CONFIG", "SYSLOG", "WAKE_ALARM",
    ];

    /// <summary>"term", "SIGTERM" and "15" are all SIGTERM; null for no signal.</summary>
    public static string? Signal(string text)
    {
        if (int.TryParse(text, out var number))
            return number >= 1 && number <= s_signals.Length ? $"SIG{s_signals[number - 1]}" : null;
        var name = text.ToUpperInvariant();
        name = name.StartsWith("SIG", StringComparison.Ordinal) ? name[3..] : name;
        return s_signals.Contains(name) || IsRealTime(name) ? $"SIG{name}" : null;
    }

    /// <summary>"CAP_NET_ADMIN" and "net_admin" are both NET_ADMIN; null for no capability.</summary>
    public static string? Capability(string text)
    {
        var name = text.ToUpperInvariant();
        name = name.StartsWith("CAP_", StringComparison.Ordinal) ? name[4..] : name;
        return s_capabilities.Contains(name) ? name : null;
    }

    /// <summary>Settings that each network or IPC namespace has for itself.</summary>
    public static bool IsNamespacedSysctl(string name) =>
        name.StartsWith("net.", StringComparison.Ordinal) || name.StartsWith("fs.mqueue.", StringComparison.Ordinal)
        || name is "kernel.msgmax" or "kernel.msgmnb" or "kernel.msgmni" or "kernel.sem" or "kernel.shmall" or "kernel.shmmax" or "kernel.shmmni" or "kernel.shm_rmid_forced";

    private static bool IsRealTime(string name) =>
        (name.StartsWith("RTMIN+", StringComparison.Ordinal) || name.StartsWith("RTMAX-", StringComparison.Ordinal))
        && byte.TryParse(name.AsSpan(6), out var offset) && offset <= 15;
}
