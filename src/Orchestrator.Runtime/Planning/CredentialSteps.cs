using System.Text;
using Orchestrator.Linux;
using Orchestrator.Linux.Tapes;
using Orchestrator.Oci.Runtime;
using Orchestrator.Oci.Runtime.Seccomp;
using static Orchestrator.Runtime.Planning.KernelArguments;

namespace Orchestrator.Runtime.Planning;

/// <summary>Who the process is and what it may: limits, user, capabilities, filter.</summary>
internal sealed class CredentialSteps(Tape tape, ProcessConfig process, LaunchFacts facts)
{
    private const int CapabilityBoundingDrop = 24, KeepCapabilities = 8, Ambient = 47, AmbientRaise = 2, AmbientClear = 4, NoNewPrivileges = 38;
    private const uint CapabilityVersion3 = 0x20080522;

    private static readonly string[] s_limits =
    [
        "RLIMIT_CPU", "RLIMIT_FSIZE", "RLIMIT_DATA", "RLIMIT_STACK", "RLIMIT_CORE", "RLIMIT_RSS", "RLIMIT_NPROC", "RLIMIT_NOFILE",
        "RLIMIT_MEMLOCK", "RLIMIT_AS", "RLIMIT_LOCKS", "RLIMIT_SIGPENDING", "RLIMIT_MSGQUEUE", "RLIMIT_NICE", "RLIMIT_RTPRIO", "RLIMIT_RTTIME",
    ];

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
            var number = Array.IndexOf(s_limits, limit.Type);
            if (number < 0)
                throw new RuntimeConfigException($"process.rlimits[{i}].type", $"\"{limit.Type}\" is unknown; accepted: {string.Join(", ", s_limits)}");
            tape.Add($"process.rlimits[{i}]", Syscall.prlimit64, 0, Argument.Named(number, limit.Type), Longs(limit.Soft, limit.Hard), Argument.Null);
        }
    }

    public void Become(SeccompConfig? seccomp)
    {
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
        tape.Add("linux.seccomp", Syscall.seccomp, Argument.Named(setModeFilter, "SET_MODE_FILTER"), SeccompFlags(seccomp),
            Argument.Program(program, program.Length / 8, $"{{{program.Length / 8} instructions}}"));
    }

    private static Argument SeccompFlags(SeccompConfig seccomp)
    {
        var flags = 0;
        for (var i = 0; i < seccomp.Flags.Count; i++)
            flags |= seccomp.Flags[i] switch
            {
                "SECCOMP_FILTER_FLAG_TSYNC" => 1,
                "SECCOMP_FILTER_FLAG_LOG" => 2,
                "SECCOMP_FILTER_FLAG_SPEC_ALLOW" => 4,
                var other => throw new RuntimeConfigException($"linux.seccomp.flags[{i}]", $"\"{other}\" is unknown; accepted: SECCOMP_FILTER_FLAG_ with TSYNC, LOG, SPEC_ALLOW"),
            };
        return flags;
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
        tape.Add("process.user.additionalGids", Syscall.setgroups, user.AdditionalGids.Count, Words([.. user.AdditionalGids]));
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
        foreach (var capability in sets.Ambient)
            tape.Add("process.capabilities.ambient", Syscall.prctl, Argument.Named(Ambient, "PR_CAP_AMBIENT"), Argument.Named(AmbientRaise, "RAISE"),
                Argument.Named(CapabilityTable.Find(capability)!.Value, capability), 0, 0);
    }

    private ulong Mask(IReadOnlyList<string> names, string set)
    {
        ulong mask = 0;
        for (var i = 0; i < names.Count; i++)
        {
            var capability = CapabilityTable.Find(names[i])
                ?? throw new RuntimeConfigException($"process.capabilities.{set}[{i}]", $"\"{names[i]}\" is unknown; accepted: as in CAP_CHOWN");
            // A newer profile on an older kernel: what the kernel does not have needs no grant.
            if (capability <= facts.LastCapability)
                mask |= 1UL << capability;
        }
        return mask;
    }
}
