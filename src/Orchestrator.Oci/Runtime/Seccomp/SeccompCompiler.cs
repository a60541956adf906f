using static Orchestrator.Oci.Runtime.Seccomp.BpfAssembler;

namespace Orchestrator.Oci.Runtime.Seccomp;

/// <summary>
/// Compiles linux.seccomp to a filter for x64. The numbers of syscalls are cut into intervals of equal treatment and searched by halves, so that
/// a filter of 350 rules costs a syscall eight comparisons. Calls by another architecture's table (32 bit, x32) get the default action.
/// </summary>
public static class SeccompCompiler
{
    private const uint ArchitectureX64 = 0xC000003E, FirstX32Call = 0x40000000, ErrnoAction = 0x00050000;
    private const uint NoSuchCall = 38, NotPermitted = 1;
    private const int NumberOffset = 0, ArchitectureOffset = 4;
    private const string Field = "linux.seccomp";

    private sealed record Rule(uint Action, IReadOnlyList<SeccompArgument> Conditions, string Field);

    /// <param name="First">The first number of the interval, which ends before the next one's.</param>
    /// <param name="Action">What the filter returns when no rule with conditions matches.</param>
    private sealed record Interval(uint First, uint Action, IReadOnlyList<Rule> Conditional);

    /// <returns>The instructions, as struct sock_filter.</returns>
    /// <exception cref="RuntimeConfigException">An unknown action or operator. Unknown names of syscalls are passed over: they are other architectures'.</exception>
    public static byte[] Compile(SeccompConfig config)
    {
        var defaultAction = Action(config.DefaultAction, config.DefaultErrnoRet, Field + ".defaultAction");
        var assembler = new BpfAssembler();
        Label native = new(), foreign = new(), search = new();
        assembler.Emit(Load, ArchitectureOffset);
        assembler.Branch(JumpEqual, ArchitectureX64, native, foreign);
        assembler.Mark(foreign);
        assembler.Emit(Return, defaultAction);
        assembler.Mark(native);
        assembler.Emit(Load, NumberOffset);
        var x32 = new Label();
        assembler.Branch(JumpGreaterOrEqual, FirstX32Call, x32, search);
        assembler.Mark(x32);
        assembler.Emit(Return, defaultAction);
        assembler.Mark(search);
        Search(assembler, Intervals(Rules(config), defaultAction));
        return assembler.ToBytes();
    }

    private static SortedDictionary<int, List<Rule>> Rules(SeccompConfig config)
    {
        var rules = new SortedDictionary<int, List<Rule>>();
        for (var i = 0; i < config.Syscalls.Count; i++)
        {
            var syscall = config.Syscalls[i];
            var field = $"{Field}.syscalls[{i}]";
            var rule = new Rule(Action(syscall.Action, syscall.ErrnoRet, field + ".action"), syscall.Args, field);
            foreach (var number in syscall.Names.Select(SyscallTable.Find).OfType<int>())
            {
                if (!rules.TryGetValue(number, out var list))
                    rules[number] = list = [];
                list.Add(rule);
            }
        }
        return rules;
    }

    // Calls that are newer than the profile get ENOSYS instead of EPERM: C libraries then fall back to an older call.
    private static List<Interval> Intervals(SortedDictionary<int, List<Rule>> rules, uint defaultAction)
    {
        var intervals = new List<Interval> { new(0, defaultAction, []) };
        var next = 0;
        foreach (var (number, list) in rules)
        {
            if (number > next)
                Append(intervals, new Interval((uint)next, defaultAction, []));
            var unconditional = list.FirstOrDefault(r => r.Conditions.Count == 0);
            Append(intervals, unconditional is null
                ? new Interval((uint)number, defaultAction, list)
                : new Interval((uint)number, unconditional.Action, [.. list.TakeWhile(r => r != unconditional)]));
            next = number + 1;
        }
        var isRefusal = defaultAction == (ErrnoAction | NotPermitted);
        Append(intervals, new Interval((uint)next, isRefusal && next > 0 ? ErrnoAction | NoSuchCall : defaultAction, []));
        return intervals;
    }

    private static void Append(List<Interval> intervals, Interval interval)
    {
        if (intervals[^1].First == interval.First)
            intervals.RemoveAt(intervals.Count - 1);
        else if (intervals[^1].Action == interval.Action && intervals[^1].Conditional.Count + interval.Conditional.Count == 0)
            return;
        intervals.Add(interval);
    }

    private static void Search(BpfAssembler assembler, IReadOnlyList<Interval> intervals)
    {
        if (intervals.Count == 1)
        {
            foreach (var rule in intervals[0].Conditional)
                Emit(assembler, rule);
            assembler.Emit(Return, intervals[0].Action);
            return;
        }
        var middle = intervals.Count / 2;
        Label low = new(), far = new(), high = new();
        // A branch reaches 255 instructions only.
        assembler.Branch(JumpGreaterOrEqual, intervals[middle].First, far, low);
        assembler.Mark(far);
        assembler.GoTo(high);
        assembler.Mark(low);
        Search(assembler, [.. intervals.Take(middle)]);
        assembler.Mark(high);
        Search(assembler, [.. intervals.Skip(middle)]);
    }

    private static void Emit(BpfAssembler assembler, Rule rule)
    {
        var otherwise = new Label();
        for (var i = 0; i < rule.Conditions.Count; i++)
        {
            var holds = new Label();
            Emit(assembler, rule.Conditions[i], holds, otherwise, $"{rule.Field}.args[{i}]");
            assembler.Mark(holds);
        }
        assembler.Emit(Return, rule.Action);
        assembler.Mark(otherwise);
    }

    private static void Emit(BpfAssembler assembler, SeccompArgument condition, Label holds, Label fails, string field)
    {
        if (condition.Index > 5)
            throw new RuntimeConfigException(field + ".index", $"{condition.Index} is not an argument; accepted: 0 to 5");
        switch (condition.Op)
        {
            case "SCMP_CMP_EQ": Equal(assembler, condition.Index, ulong.MaxValue, condition.Value, holds, fails); break;
            case "SCMP_CMP_NE": Equal(assembler, condition.Index, ulong.MaxValue, condition.Value, fails, holds); break;
            case "SCMP_CMP_MASKED_EQ": Equal(assembler, condition.Index, condition.Value, condition.ValueTwo, holds, fails); break;
            case "SCMP_CMP_GE": Compare(assembler, condition, JumpGreaterOrEqual, holds, fails); break;
            case "SCMP_CMP_GT": Compare(assembler, condition, JumpGreater, holds, fails); break;
            case "SCMP_CMP_LT": Compare(assembler, condition, JumpGreaterOrEqual, fails, holds); break;
            case "SCMP_CMP_LE": Compare(assembler, condition, JumpGreater, fails, holds); break;
            default: throw new RuntimeConfigException(field + ".op", $"\"{condition.Op}\" is unknown; accepted: SCMP_CMP_ with NE, LT, LE, EQ, GE, GT, MASKED_EQ");
        }
    }

    private static void Equal(BpfAssembler assembler, uint index, ulong mask, ulong value, Label holds, Label fails)
    {
        var low = new Label();
        LoadHalf(assembler, index, high: true, mask);
        assembler.Branch(JumpEqual, (uint)(value >> 32), low, fails);
        assembler.Mark(low);
        LoadHalf(assembler, index, high: false, mask);
        assembler.Branch(JumpEqual, (uint)value, holds, fails);
    }

    private static void Compare(BpfAssembler assembler, SeccompArgument condition, ushort lowComparison, Label holds, Label fails)
    {
        Label notGreater = new(), low = new();
        LoadHalf(assembler, condition.Index, high: true, ulong.MaxValue);
        assembler.Branch(JumpGreater, (uint)(condition.Value >> 32), holds, notGreater);
        assembler.Mark(notGreater);
        assembler.Branch(JumpEqual, (uint)(condition.Value >> 32), low, fails);
        assembler.Mark(low);
        LoadHalf(assembler, condition.Index, high: false, ulong.MaxValue);
        assembler.Branch(lowComparison, (uint)condition.Value, holds, fails);
    }

    private static void LoadHalf(BpfAssembler assembler, uint index, bool high, ulong mask)
    {
        const uint arguments = 16;
        assembler.Emit(Load, arguments + index * 8 + (high ? 4u : 0));
        var half = (uint)(high ? mask >> 32 : mask);
        if (half != uint.MaxValue)
            assembler.Emit(And, half);
    }

    private static uint Action(string action, uint? errno, string field) => action switch
    {
        "SCMP_ACT_ALLOW" => 0x7FFF0000,
        "SCMP_ACT_LOG" => 0x7FFC0000,
        "SCMP_ACT_ERRNO" => ErrnoAction | ((errno ?? NotPermitted) & 0xFFFF),
        "SCMP_ACT_TRACE" => 0x7FF00000 | ((errno ?? NotPermitted) & 0xFFFF),
        "SCMP_ACT_TRAP" => 0x00030000,
        "SCMP_ACT_KILL" or "SCMP_ACT_KILL_THREAD" => 0,
        "SCMP_ACT_KILL_PROCESS" => 0x80000000,
        _ => throw new RuntimeConfigException(field, $"\"{action}\" is unknown; accepted: SCMP_ACT_ with ALLOW, LOG, ERRNO, TRACE, TRAP, KILL, KILL_THREAD, KILL_PROCESS"),
    };
}
