using Orchestrator.Linux.Tapes;
using Orchestrator.Oci.Runtime;
using Orchestrator.Oci.Runtime.Seccomp;

namespace Orchestrator.Runtime.Planning;

/// <summary>linux.seccomp.flags, and what notifications need.</summary>
internal static class SeccompFilterFlags
{
    private const int Log = 2, SpecAllow = 4, NewListener = 8, WaitKillable = 32;

    public static IReadOnlyList<string> Names { get; } =
        ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"];

    public static Argument From(SeccompConfig seccomp)
    {
        var notifies = SeccompCompiler.Notifies(seccomp);
        if (notifies && string.IsNullOrEmpty(seccomp.ListenerPath))
            throw new RuntimeConfigException("linux.seccomp.listenerPath", "is missing, though SCMP_ACT_NOTIFY is used; accepted: the path of a listening socket");
        if (!string.IsNullOrEmpty(seccomp.ListenerMetadata) && string.IsNullOrEmpty(seccomp.ListenerPath))
            throw new RuntimeConfigException("linux.seccomp.listenerMetadata", "goes nowhere; accepted: only with listenerPath");
        var flags = notifies ? NewListener : 0;
        for (var i = 0; i < seccomp.Flags.Count; i++)
            flags |= Flag(seccomp.Flags[i], notifies, $"linux.seccomp.flags[{i}]");
        return Argument.Named(flags, flags == 0 ? "0" : string.Join('|', seccomp.Flags.Concat(notifies ? ["NEW_LISTENER"] : [])).Replace("SECCOMP_FILTER_FLAG_", "", StringComparison.Ordinal));
    }

    private static int Flag(string flag, bool notifies, string field) => flag switch
    {
        // Of a process with one thread, all threads have the filter.
        "SECCOMP_FILTER_FLAG_TSYNC" => 0,
        "SECCOMP_FILTER_FLAG_LOG" => Log,
        "SECCOMP_FILTER_FLAG_SPEC_ALLOW" => SpecAllow,
        "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV" => notifies ? WaitKillable
            : throw new RuntimeConfigException(field, "is for notifications; accepted: only with SCMP_ACT_NOTIFY"),
        _ => throw new RuntimeConfigException(field, $"\"{flag}\" is unknown; accepted: SECCOMP_FILTER_FLAG_ with TSYNC, LOG, SPEC_ALLOW, WAIT_KILLABLE_RECV"),
    };
}
