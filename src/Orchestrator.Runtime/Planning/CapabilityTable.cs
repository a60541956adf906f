namespace Orchestrator.Runtime.Planning;

internal static class CapabilityTable
{
    private static readonly string[] s_names =
    [
        "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP", "LINUX_IMMUTABLE",
        "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT",
        "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE",
        "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ",
        "PERFMON", "BPF", "CHECKPOINT_RESTORE",
    ];

    public static IReadOnlyList<string> Names { get; } = [.. s_names.Select(n => "CAP_" + n)];

    public static int? Find(string name) =>
        name.StartsWith("CAP_", StringComparison.Ordinal) && Array.IndexOf(s_names, name[4..]) is var number and >= 0 ? number : null;

    public static string Name(int capability) => capability < s_names.Length ? "CAP_" + s_names[capability] : $"CAP_{capability}";
}
