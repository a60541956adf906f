using System.Buffers.Binary;
using Orchestrator.Linux.Tapes;

namespace Orchestrator.Runtime.Planning;

/// <summary>What a child says through the error pipe besides failures, in the place of a step's index.</summary>
public static class ChildReports
{
    public const long ReadyToStart = -2, TerminalReady = -3;

    /// <summary>The child is in its new user namespace, where it is nobody until its parent has written the maps.</summary>
    public const long MapsWanted = -4;

    /// <summary>The child was cloned by an intermediate one; the report's second number is its pid.</summary>
    public const long Cloned = -5;

    /// <summary>All is mounted and nothing pivoted yet: the time of the hooks of create.</summary>
    public const long CreateHooks = -6;

    /// <summary>The next step is the program: the time of the hooks of start.</summary>
    public const long StartHooks = -7;

    /// <summary>The filter is in place; the second number is the descriptor of its notifications.</summary>
    public const long ListenerReady = -8;

    /// <summary>A fresh tmpfs waits for a copy of what it will hide.</summary>
    public const long CopyWanted = -9;

    public static string Name(long kind) => kind switch
    {
        ReadyToStart => "ready",
        TerminalReady => "terminal",
        MapsWanted => "maps-wanted",
        Cloned => "cloned",
        CreateHooks => "create-hooks",
        StartHooks => "start-hooks",
        ListenerReady => "listener",
        CopyWanted => "copy-wanted",
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "no report"),
    };
}

/// <summary>The child's side of its talk with the parent: a report goes out through the error pipe, a byte comes back through the go pipe.</summary>
internal sealed class ReportSteps(Tape tape, LaunchFacts facts)
{
    private const int Size = 16, NumberOffset = 8;

    public void Ask(long kind, string field)
    {
        Send(Report(kind), field);
        WaitForGo(field);
    }

    /// <summary>Reports what <paramref name="step"/> returns.</summary>
    public static Argument.Block WithResultOf(Step step, long kind)
    {
        var report = Report(kind);
        step.ResultIn = (report, NumberOffset);
        return report;
    }

    public void Send(Argument.Block report, string field) =>
        tape.Add(field, Syscall.write, facts.Descriptors.ErrorPipeNumber, report, Size);

    public void WaitForGo(string field) =>
        tape.Add(field, Syscall.read, Argument.Named(facts.Descriptors.GoPipe, "go-pipe"), Argument.Of(new byte[1], "{1 byte}"), 1);

    private static Argument.Block Report(long kind)
    {
        var report = new byte[Size];
        BinaryPrimitives.WriteInt64LittleEndian(report, kind);
        return Argument.Of(report, ChildReports.Name(kind));
    }
}
