using static Orchestrator.Oci.Runtime.Seccomp.BpfAssembler;

namespace Orchestrator.Oci.Runtime.Seccomp;

/// <summary>
/// Compiles linux.seccomp to a filter for x64. The numbers of syscalls are cut into intervals of equal treatment and searched by halves, so that
/// a filter of 350 rules costs a syscall eight comparisons. 32-bit and x32 programs are filtered by their own numbers when their architecture is
/// listed; a call of one that is not listed ends the thread, as with libseccomp.
/// </summary>
public static class SeccompCompiler
{
    private const uint ArchitectureX64 = 0xC000003E, ArchitectureI386 = 0x40000003, FirstX32Call = 0x40000000;
    private const uint Allow = 0x7FFF0000, Log = 0x7FFC0000, Trace = 0x7FF00000, Notify = 0x7FC00000, ErrnoAction = 0x00050000, KillThread = 0;
    private const uint ActionMask = 0xFFFF0000, NoSuchCall = 38, NotPermitted = 1;
    private const int NumberOffset = 0, ArchitectureOffset = 4;
    private const string Field = "linux.seccomp", NotifyName = "SCMP_ACT_NOTIFY";

    private static readonly string[] s_foreignArchitectures =
    [
        "ARM", "AARCH64", "MIPS", "MIPS64", "MIPS64N32", "MIPSEL", "MIPSEL64", "MIPSEL64N32", "PPC", "PPC64", "PPC64LE", "S390", "S390X", "PARISC",
        "PARISC64", "RISCV64", "LOONGARCH64", "M68K", "SH", "SHEB",
    ];

    /// <summary>Those that a profile may list; the foreign ones change nothing here.</summary>
    public static IReadOnlyList<string> Architectures { get; } = [.. s_foreignArchitectures.Concat(["X86_64", "X86", "X32"]).Select(a => "SCMP_ARCH_" + a)];

    /// <returns>The instructions, as struct sock_filter.</returns>
    /// <exception cref="RuntimeConfigException">An unknown action, operator or architecture. Unknown names of syscalls are passed over: they are other architectures'.</exception>
    public static byte[] Compile(SeccompConfig config)
    {
        CheckArchitectures(config);
        var defaultAction = Action(config.DefaultAction, config.DefaultErrnoRet, Field + ".defaultAction");
        var assembler = new BpfAssembler();
        Label foreign = new(), x32 = new();
        assembler.Emit(Load, ArchitectureOffset);
        BranchFar(assembler, JumpEqual, ArchitectureX64, foreign, whenTrue: false);
        assembler.Emit(Load, NumberOffset);
        BranchFar(assembler, JumpGreaterOrEqual, FirstX32Call, x32, whenTrue: true);
        new SeccompSearch(assembler, is32Bit: false).Emit([.. Intervals(Rules(config, SyscallTable.X64, defaultAction), 0, defaultAction)]);
        assembler.Mark(x32);
        FilterX32(assembler, config, defaultAction);
        assembler.Mark(foreign);
        Filter32(assembler, config, defaultAction);
        return assembler.ToBytes();
    }

    /// <summary>True when some call is left to a program outside, see listenerPath.</summary>
    public static bool Notifies(SeccompConfig config) => config.DefaultAction == NotifyName || config.Syscalls.Any(s => s.Action == NotifyName);

    private static bool Lists(SeccompConfig config, string architecture) => config.Architectures.Contains(architecture);

    private static void CheckArchitectures(SeccompConfig config)
    {
        for (var i = 0; i < config.Architectures.Count; i++)
        {
            var name = config.Architectures[i];
            if (name is not ("SCMP_ARCH_NATIVE" or "SCMP_ARCH_X86_64" or "SCMP_ARCH_X86" or "SCMP_ARCH_X32")
                && !(name.StartsWith("SCMP_ARCH_", StringComparison.Ordinal) && s_foreignArchitectures.Contains(name[10..])))
                throw new RuntimeConfigException($"{Field}.architectures[{i}]", $"\"{name}\" is unknown; accepted: as in SCMP_ARCH_X86_64");
        }
    }

    // A branch reaches 255 instructions only.
    private static void BranchFar(BpfAssembler assembler, ushort comparison, uint value, Label target, bool whenTrue)
    {
        Label far = new(), near = new();
        assembler.Branch(comparison, value, whenTrue ? far : near, whenTrue ? near : far);
        assembler.Mark(far);
        assembler.GoTo(target);
        assembler.Mark(near);
    }

    // The accumulator holds the architecture.
    private static void Filter32(BpfAssembler assembler, SeccompConfig config, uint defaultAction)
    {
        if (Lists(config, "SCMP_ARCH_X86"))
        {
            Label other = new();
            BranchFar(assembler, JumpEqual, ArchitectureI386, other, whenTrue: false);
            assembler.Emit(Load, NumberOffset);
            new SeccompSearch(assembler, is32Bit: true).Emit([.. Intervals(Rules(config, SyscallTable.I386, defaultAction), 0, defaultAction)]);
            assembler.Mark(other);
        }
        assembler.Emit(Return, KillThread);
    }

    private static void FilterX32(BpfAssembler assembler, SeccompConfig config, uint defaultAction)
    {
        if (Lists(config, "SCMP_ARCH_X32"))
            new SeccompSearch(assembler, is32Bit: false).Emit([.. Intervals(Rules(config, SyscallTable.X32, defaultAction), FirstX32Call, defaultAction)]);
        else
            assembler.Emit(Return, KillThread);
    }

    // By number, without x32's bit. A number without rules is there all the same when the profile names its call: it knows the call, and leaves it
    // to the default.
    private static SeccompMatch[]?[] Rules(SeccompConfig config, SyscallTable table, uint defaultAction)
    {
        var rules = new SeccompMatch[]?[SyscallTable.NumbersEnd];
        for (var i = 0; i < config.Syscalls.Count; i++)
        {
            var field = $"{Field}.syscalls[{i}]";
            foreach (var match in Matches(config.Syscalls[i], field))
                Add(rules, table, config.Syscalls[i].Names, match, defaultAction);
        }
        return rules;
    }

    private static void Add(SeccompMatch[]?[] rules, SyscallTable table, IReadOnlyList<string> names, SeccompMatch match, uint defaultAction)
    {
        // Most numbers have one rule, which hundreds share.
        SeccompMatch[] alone = match.Action == defaultAction ? [] : [match];
        var isMultiplexed = table == SyscallTable.I386 && match.Conditions.Count == 0;
        foreach (var name in names)
        {
            if (table.Number(name) is { } number)
                Add(ref rules[number & ~(int)FirstX32Call], alone);
            if (isMultiplexed && SyscallTable.FindMultiplexed(name) is { } through)
                Add(ref rules[through.Call], alone.Length == 0 ? [] : [match with { Conditions = [new SeccompArgument { Value = through.Argument, Op = "SCMP_CMP_EQ" }] }]);
        }
    }

    private static void Add(ref SeccompMatch[]? rules, SeccompMatch[] further) => rules = rules is null or [] ? further : [.. rules, .. further];

    // Conditions on different arguments must all hold; of several on one argument, one is enough, as it has been with runc ever since.
    private static IEnumerable<SeccompMatch> Matches(SeccompRule rule, string field)
    {
        if (rule.Names.Count == 0)
            throw new RuntimeConfigException(field + ".names", "is empty; accepted: one name or more");
        var action = Action(rule.Action, rule.ErrnoRet, field + ".action");
        return rule.Args.Select(a => a.Index).Distinct().Count() == rule.Args.Count
            ? [new SeccompMatch(action, rule.Args, field)]
            : rule.Args.Select(a => new SeccompMatch(action, [a], field));
    }

    // Calls that are newer than the profile get ENOSYS instead of a refusal: C libraries then fall back to an older call.
    private static List<SeccompInterval> Intervals(SeccompMatch[]?[] rules, uint first, uint defaultAction)
    {
        var intervals = new List<SeccompInterval> { new(first, defaultAction, []) };
        var next = first;
        for (var i = 0u; i < rules.Length; i++)
        {
            if (rules[i] is not { } list)
                continue;
            if (first + i > next)
                Append(intervals, new SeccompInterval(next, defaultAction, []));
            var unconditional = Array.FindIndex(list, static r => r.Conditions.Count == 0);
            Append(intervals, unconditional < 0
                ? new SeccompInterval(first + i, defaultAction, list)
                : new SeccompInterval(first + i, list[unconditional].Action, list[..unconditional]));
            next = first + i + 1;
        }
        var refuses = (defaultAction & ActionMask) is not (Allow or Log or Trace or Notify);
        Append(intervals, new SeccompInterval(next, refuses && next > first ? ErrnoAction | NoSuchCall : defaultAction, []));
        return intervals;
    }

    private static void Append(List<SeccompInterval> intervals, SeccompInterval interval)
    {
        if (intervals[^1].First == interval.First)
            intervals.RemoveAt(intervals.Count - 1);
        else if (intervals[^1].Action == interval.Action && intervals[^1].Conditional.Length + interval.Conditional.Length == 0)
            return;
        intervals.Add(interval);
    }

    private static uint Action(string action, uint? errno, string field)
    {
        if (errno is not null && action is not ("SCMP_ACT_ERRNO" or "SCMP_ACT_TRACE"))
            throw new RuntimeConfigException(field, $"{action} has no errno; accepted: with SCMP_ACT_ERRNO and SCMP_ACT_TRACE");
        return action switch
        {
            "SCMP_ACT_ALLOW" => Allow,
            "SCMP_ACT_LOG" => Log,
            "SCMP_ACT_ERRNO" => ErrnoAction | ((errno ?? NotPermitted) & 0xFFFF),
            "SCMP_ACT_TRACE" => Trace | ((errno ?? NotPermitted) & 0xFFFF),
            NotifyName => Notify,
            "SCMP_ACT_TRAP" => 0x00030000,
            "SCMP_ACT_KILL" or "SCMP_ACT_KILL_THREAD" => KillThread,
            "SCMP_ACT_KILL_PROCESS" => 0x80000000,
            _ => throw new RuntimeConfigException(field, $"\"{action}\" is unknown; accepted: SCMP_ACT_ with ALLOW, LOG, ERRNO, TRACE, NOTIFY, TRAP, KILL, KILL_THREAD, KILL_PROCESS"),
        };
    }
}
