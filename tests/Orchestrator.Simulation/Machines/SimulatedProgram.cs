using Orchestrator.Simulation.Running;

namespace Orchestrator.Simulation.Machines;

/// <summary>What a container's program does, which its image's name says before the version: "web:3", "crash:1".</summary>
internal static class SimulatedProgram
{
    /// <summary>Goes on for ever, well.</summary>
    public const string Good = "web";

    /// <summary>Ends badly after a moment.</summary>
    public const string Crashing = "crash";

    /// <summary>Ends badly after a good while.</summary>
    public const string Failing = "fail";

    /// <summary>Does its work and ends.</summary>
    public const string Finishing = "once";

    /// <summary>Runs, and its health check never passes.</summary>
    public const string Sick = "sick";

    /// <summary>In no registry.</summary>
    public const string Missing = "missing";

    public static IReadOnlyList<string> Kinds { get; } = [Good, Crashing, Failing, Finishing, Sick, Missing];

    public static string KindOf(string image) => image[..image.IndexOf(':', StringComparison.Ordinal)];

    public static string Image(string kind, int version) => $"{kind}:{version}";

    /// <summary>After how long it ends, and with what; null: never.</summary>
    public static (long AfterMs, int ExitCode)? End(string image, Dice dice) => KindOf(image) switch
    {
        Crashing => (dice.Between(20, 600), 1),
        Failing => (dice.Between(31_000, 40_000), 3),
        Finishing => (dice.Between(200, 2000), 0),
        _ => null,
    };

    public static bool IsHealthy(string image) => KindOf(image) != Sick;
}
