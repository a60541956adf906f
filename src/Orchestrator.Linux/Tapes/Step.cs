using System.Globalization;
using System.Text;

namespace Orchestrator.Linux.Tapes;

/// <summary>One syscall of a tape, with where to go on. A failure that is not tolerated ends the tape and is reported by this step's index.</summary>
public sealed class Step
{
    private (ulong Mask, int Target)? _first, _second;

    internal Step(int index, Syscall call, string field, Argument[] arguments)
    {
        Index = index;
        Call = call;
        Field = field;
        Arguments = arguments;
    }

    public int Index { get; }

    public Syscall Call { get; }

    /// <summary>The field of the container's configuration that asked for this.</summary>
    public string Field { get; }

    public IReadOnlyList<Argument> Arguments { get; }

    /// <summary>The step after success; by default the following one.</summary>
    public int? Next { get; set; }

    /// <summary>The step after a success that returned 0; by default the same as after any other. A clone returns 0 in the child alone.</summary>
    public int? NextIfZero { get; set; }

    /// <summary>Memory that the result is written into, for another step to send.</summary>
    public (Argument.Block Memory, int Offset)? ResultIn { get; set; }

    /// <summary>Another step whose result this one's replaces: two ways to the same descriptor.</summary>
    public Step? ResultOf { get; set; }

    internal (ulong Mask, int Target) First => _first ?? (0, Index + 1);

    internal (ulong Mask, int Target) Second => _second ?? (0, Index + 1);

    /// <summary>Goes on behind these failures as if nothing had happened.</summary>
    public Step Tolerate(params ReadOnlySpan<int> errnos) => OnError(Index + 1, errnos);

    /// <summary>Goes on at another step after these failures. Two different targets at most, errnos below 64.</summary>
    public Step OnError(int target, params ReadOnlySpan<int> errnos)
    {
        ulong mask = 0;
        foreach (var errno in errnos)
            mask |= errno < 64 ? 1UL << errno : throw new ArgumentOutOfRangeException(nameof(errnos), errno, "an errno below 64");
        if (_first is null)
            _first = (mask, target);
        else if (_second is null)
            _second = (mask, target);
        else
            throw new InvalidOperationException($"step {Index} has two error targets already");
        return this;
    }

    public override string ToString()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{Index,4}  {Call}({string.Join(", ", Arguments)})");
        if (ResultOf is { } other)
            text.Append(CultureInfo.InvariantCulture, $" = ${other.Index}");
        if (ResultIn is { } place)
            text.Append(CultureInfo.InvariantCulture, $" -> {place.Memory}+{place.Offset}");
        foreach (var (mask, target) in new[] { First, Second }.Where(t => t.Mask != 0))
            text.Append(CultureInfo.InvariantCulture, $"  {Errnos(mask)}->{target}");
        if (Next is { } next)
            text.Append(CultureInfo.InvariantCulture, $"  ok->{next}");
        if (NextIfZero is { } zero)
            text.Append(CultureInfo.InvariantCulture, $"  0->{zero}");
        return Field.Length == 0 ? text.ToString() : text.Append("  # ").Append(Field).ToString();
    }

    private static string Errnos(ulong mask) =>
        string.Join(",", Enumerable.Range(0, 64).Where(e => (mask & (1UL << e)) != 0).Select(Errno.Name));
}
