using System.Text;
using Orchestrator.Linux;
using Orchestrator.Linux.Tapes;
using Orchestrator.Oci.Runtime;
using Orchestrator.Oci.Runtime.Seccomp;
using static Orchestrator.Runtime.Planning.KernelArguments;

namespace Orchestrator.Runtime.Planning;

/// <summary>Who the process is and what it may: limits, user, capabilities, filter.</summary>
internal sealed class CredentialSteps(Tape tape, ProcessConfig process, LaunchFacts facts, NamespaceTable namespaces)
{
    private const int CapabilityBoundingDrop = 24, KeepCapabilities = 8, Ambient = 47, AmbientRaise = 2, AmbientClear = 4, NoNewPrivileges = 38;
    private const uint CapabilityVersion3 = 0x20080522;

    private static readonly string[] s_limits =
    [
        "RLIMIT_CPU", "RLIMIT_FSIZE", "RLIMIT_DATA", "RLIMIT_STACK", "RLIMIT_CORE", "RLIMIT_RSS", "RLIMIT_NPROC", "RLIMIT_NOFILE",
        "RLIMIT_MEMLOCK", "RLIMIT_AS", "RLIMIT_LOCKS", "RLIMIT_SIGPENDING", "RLIMIT_MSGQUEUE", "RLIMIT_NICE", "RLIMIT_RTPRIO", "RLIMIT_RTTIME",
    ];

    private readonly List<string> _warnings = [];

    public IReadOnlyList<string> Warnings => _warnings;

    /// <summary>The kernel's number of RLIMIT_x; null for an unknown one.</summary>
    public static int? LimitNumber(string type) => Array.IndexOf(s_limits, type) is var number and >= 0 ? number : null;

    public LabelSteps Labels { get; } = new(tape, process, facts);

    /// <summary>Needs the host's /proc, so it comes before the pivot.</summary>
    public void OomScore()
    {
        if (process.OomScoreAdj is not { } score)
            return;
        const string field = "process.oomScoreAdj";
        var text = Encoding.ASCII.GetBytes($"{score}");
        var file = tape.Add(field, Syscall.openat, HereDirectory, "/proc/self/oom_score_adj", Argument.Flags(OpenFlags.WriteOnly | OpenFlags.CloseOnExec), 0);
        var write = tape.Add(field, Syscall.write, file, Argument.Of(text, $"\"{score}\""), text.Length);
        // Lowering needs CAP_SYS_RESOURCE, which the machine may not give; the container is then only less protected.
        if (score < facts.OomScoreAdj)
            write.Tolerate(Errno.EPERM, Errno.EACCES);
    }

    public void Limits()
    {
        for (var i = 0; i < process.Rlimits.Count; i++)
        {
            var limit = process.Rlimits[i];
            if (process.Rlimits.Take(i).Any(l => l.Type == limit.Type))
                throw new RuntimeConfigException($"process.rlimits[{i}].type", $"\"{limit.Type}\" is listed twice; accepted: each type once");
            if (limit.Soft > limit.Hard)
                throw new RuntimeConfigException($"process.rlimits[{i}].soft", $"{limit.Soft} is above the hard limit {limit.Hard}; accepted: at most the hard limit");
            var number = LimitNumber(limit.Type)
                ?? throw new RuntimeConfigException($"process.rlimits[{i}].type", $"\"{limit.Type}\" is unknown; accepted: {string.Join(", ", s_limits)}");
            tape.Add($"process.rlimits[{i}]", Syscall.prlimit64, 0, Argument.Named(number, limit.Type), Longs(limit.Soft, limit.Hard), Argument.Null);
        }
    }

    public void Become(SeccompConfig? seccomp)
    {
        Labels.Write();
        // Without no-new-privileges the filter needs CAP_SYS_ADMIN, so it comes first and must let the following calls pass.
        if (process.NoNewPrivileges)
            tape.Add("process.noNewPrivileges", Syscall.prctl, Argument.Named(NoNewPrivileges, "PR_SET_NO_NEW_PRIVS"), 1, 0, 0, 0);
        else
            Filter(seccomp);
        var sets = process.Capabilities ?? new CapabilitiesConfig();
        DropBounding(Mask(sets.Bounding, "bounding"));
        User();
        Capabilities(sets);
        if (process.NoNewPrivileges)
            Filter(seccomp);
    }

    private void Filter(SeccompConfig? seccomp)
    {
        if (seccomp is null)
            return;
        var program = SeccompCompiler.Compile(seccomp);
        const int setModeFilter = 1;
        // struct sock_fprog holds a pointer, which no tape can: the step's second part is patched when the tape is loaded.
        var filter = tape.Add("linux.seccomp", Syscall.seccomp, Argument.Named(setModeFilter, "SET_MODE_FILTER"), SeccompFilterFlags.From(seccomp),
            Argument.Program(program, program.Length / 8, $"{{{program.Length / 8} instructions}}"));
        if (!SeccompCompiler.Notifies(seccomp))
            return;
        var reports = new ReportSteps(tape, facts);
        reports.Send(ReportSteps.WithResultOf(filter, ChildReports.ListenerReady), "linux.seccomp.listenerPath");
        reports.WaitForGo("linux.seccomp.listenerPath");
    }

    private void DropBounding(ulong kept)
    {
        for (var capability = 0; capability <= facts.LastCapability; capability++)
        {
            if ((kept & (1UL << capability)) == 0)
                tape.Add("process.capabilities.bounding", Syscall.prctl,
                    Argument.Named(CapabilityBoundingDrop, "PR_CAPBSET_DROP"), Argument.Named(capability, CapabilityTable.Name(capability)), 0, 0, 0);
        }
    }

    private void User()
    {
        var user = process.User;
        tape.Add("process.capabilities", Syscall.prctl, Argument.Named(KeepCapabilities, "PR_SET_KEEPCAPS"), 1, 0, 0, 0);
        var groups = tape.Add("process.user.additionalGids", Syscall.setgroups, user.AdditionalGids.Count, Words([.. user.AdditionalGids]));
        if (user.AdditionalGids.Count == 0 && namespaces.Has(NamespaceKinds.User))
            groups.Tolerate(Errno.EPERM);
        tape.Add("process.user.gid", Syscall.setresgid, user.Gid, user.Gid, user.Gid);
        tape.Add("process.user.uid", Syscall.setresuid, user.Uid, user.Uid, user.Uid);
        tape.Add("process.user.umask", Syscall.umask, Argument.Octal(user.Umask ?? 0x12));
    }

    private void Capabilities(CapabilitiesConfig sets)
    {
        var effective = Mask(sets.Effective, "effective");
        var permitted = Mask(sets.Permitted, "permitted");
        var inheritable = Mask(sets.Inheritable, "inheritable");
        tape.Add("process.capabilities", Syscall.capset, Words(CapabilityVersion3, 0),
            Words((uint)effective, (uint)permitted, (uint)inheritable, (uint)(effective >> 32), (uint)(permitted >> 32), (uint)(inheritable >> 32)));
        tape.Add("process.capabilities", Syscall.prctl, Argument.Named(KeepCapabilities, "PR_SET_KEEPCAPS"), 0, 0, 0, 0);
        tape.Add("process.capabilities.ambient", Syscall.prctl, Argument.Named(Ambient, "PR_CAP_AMBIENT"), Argument.Named(AmbientClear, "CLEAR_ALL"), 0, 0, 0)
            .Tolerate(Errno.EINVAL);
        var ambient = Mask(sets.Ambient, "ambient");
        for (var capability = 0; capability <= facts.LastCapability; capability++)
        {
            if ((ambient & (1UL << capability)) != 0)
                tape.Add("process.capabilities.ambient", Syscall.prctl, Argument.Named(Ambient, "PR_CAP_AMBIENT"), Argument.Named(AmbientRaise, "RAISE"),
                    Argument.Named(capability, CapabilityTable.Name(capability)), 0, 0);
        }
    }

    // A newer profile on an older kernel, or a launcher that has not all of root's rights: what cannot be granted is said, not fatal.
    private ulong Mask(IReadOnlyList<string> names, string set)
    {
        // Who makes a user namespace has all capabilities in it.
        var grantable = namespaces.Has(NamespaceKinds.User) ? ulong.MaxValue : facts.Grantable;
        ulong mask = 0;
        for (var i = 0; i < names.Count; i++)
        {
            var field = $"process.capabilities.{set}[{i}]";
            if (CapabilityTable.Find(names[i]) is not { } capability)
                Warn(field, names[i], "unknown");
            else if (capability > facts.LastCapability)
                Warn(field, names[i], "newer than this kernel");
            else if ((grantable & (1UL << capability)) == 0)
                Warn(field, names[i], "not the runtime's own to grant");
            else
                mask |= 1UL << capability;
        }
        return mask;
    }

    // Once for a capability, which is listed in several sets.
    private void Warn(string field, string capability, string problem)
    {
        if (!_warnings.Any(w => w.Contains($"\"{capability}\"", StringComparison.Ordinal)))
            _warnings.Add($"{field}: \"{capability}\" is {problem}, and passed over");
    }
}
