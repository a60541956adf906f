using static Orchestrator.Oci.Runtime.Seccomp.BpfAssembler;

namespace Orchestrator.Oci.Runtime.Seccomp;

internal sealed record SeccompMatch(uint Action, IReadOnlyList<SeccompArgument> Conditions, string Field);

/// <param name="First">The first number of the interval, which ends before the next one's.</param>
/// <param name="Action">What the filter returns when no rule with conditions matches.</param>
internal readonly record struct SeccompInterval(uint First, uint Action, SeccompMatch[] Conditional);

/// <summary>The search for a number among intervals, and the conditions on arguments. 32-bit programs have arguments of 32 bits.</summary>
internal sealed class SeccompSearch(BpfAssembler assembler, bool is32Bit)
{
    /// <summary>How far a branch reaches, and the instructions of the longest condition, in instructions.</summary>
    private const int BranchMax = 255, ConditionMax = 6;

    /// <summary>The accumulator holds the number.</summary>
    public void Emit(ReadOnlySpan<SeccompInterval> intervals)
    {
        if (intervals.Length == 1)
        {
            foreach (var match in intervals[0].Conditional)
                Emit(match);
            assembler.Emit(Return, intervals[0].Action);
            return;
        }
        var middle = intervals.Length / 2;
        Label low = new(), far = new(), high = new();
        var isNear = LengthMax(intervals[..middle]) <= BranchMax;
        assembler.Branch(JumpGreaterOrEqual, intervals[middle].First, isNear ? high : far, low);
        if (!isNear)
        {
            assembler.Mark(far);
            assembler.GoTo(high);
        }
        assembler.Mark(low);
        Emit(intervals[..middle]);
        assembler.Mark(high);
        Emit(intervals[middle..]);
    }

    // At most so many instructions: a return and a jump with its branch for each interval, and what conditions take.
    private static int LengthMax(ReadOnlySpan<SeccompInterval> intervals)
    {
        var length = 3 * intervals.Length;
        foreach (var interval in intervals)
        {
            foreach (var match in interval.Conditional)
                length += 1 + match.Conditions.Count * ConditionMax;
        }
        return length;
    }

    private void Emit(SeccompMatch match)
    {
        var otherwise = new Label();
        for (var i = 0; i < match.Conditions.Count; i++)
        {
            var holds = new Label();
            Emit(match.Conditions[i], holds, otherwise, $"{match.Field}.args[{i}]");
            assembler.Mark(holds);
        }
        assembler.Emit(Return, match.Action);
        assembler.Mark(otherwise);
    }

    private void Emit(SeccompArgument condition, Label holds, Label fails, string field)
    {
        if (condition.Index > 5)
            throw new RuntimeConfigException(field + ".index", $"{condition.Index} is not an argument; accepted: 0 to 5");
        switch (condition.Op)
        {
            case "SCMP_CMP_EQ": Equal(condition.Index, ulong.MaxValue, condition.Value, holds, fails); break;
            case "SCMP_CMP_NE": Equal(condition.Index, ulong.MaxValue, condition.Value, fails, holds); break;
            case "SCMP_CMP_MASKED_EQ": Equal(condition.Index, condition.Value, condition.ValueTwo, holds, fails); break;
            case "SCMP_CMP_GE": Compare(condition, JumpGreaterOrEqual, holds, fails); break;
            case "SCMP_CMP_GT": Compare(condition, JumpGreater, holds, fails); break;
            case "SCMP_CMP_LT": Compare(condition, JumpGreaterOrEqual, fails, holds); break;
            case "SCMP_CMP_LE": Compare(condition, JumpGreater, fails, holds); break;
            default: throw new RuntimeConfigException(field + ".op", $"\"{condition.Op}\" is unknown; accepted: SCMP_CMP_ with NE, LT, LE, EQ, GE, GT, MASKED_EQ");
        }
    }

    private void Equal(uint index, ulong mask, ulong value, Label holds, Label fails)
    {
        if (!is32Bit)
        {
            var low = new Label();
            LoadHalf(index, high: true, mask);
            assembler.Branch(JumpEqual, (uint)(value >> 32), low, fails);
            assembler.Mark(low);
        }
        LoadHalf(index, high: false, mask);
        assembler.Branch(JumpEqual, (uint)value, holds, fails);
    }

    private void Compare(SeccompArgument condition, ushort lowComparison, Label holds, Label fails)
    {
        if (!is32Bit)
        {
            Label notGreater = new(), low = new();
            LoadHalf(condition.Index, high: true, ulong.MaxValue);
            assembler.Branch(JumpGreater, (uint)(condition.Value >> 32), holds, notGreater);
            assembler.Mark(notGreater);
            assembler.Branch(JumpEqual, (uint)(condition.Value >> 32), low, fails);
            assembler.Mark(low);
        }
        LoadHalf(condition.Index, high: false, ulong.MaxValue);
        assembler.Branch(lowComparison, (uint)condition.Value, holds, fails);
    }

    private void LoadHalf(uint index, bool high, ulong mask)
    {
        const uint arguments = 16;
        assembler.Emit(Load, arguments + index * 8 + (high ? 4u : 0));
        var half = (uint)(high ? mask >> 32 : mask);
        if (half != uint.MaxValue)
            assembler.Emit(And, half);
    }
}
