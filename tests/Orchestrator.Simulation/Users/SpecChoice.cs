using Orchestrator.Model;
using Orchestrator.Simulation.Machines;
using Orchestrator.Simulation.Running;

namespace Orchestrator.Simulation.Users;

/// <summary>Specs by chance: small stacks that use every rule of placing, starting and restarting now and then.</summary>
internal static class SpecChoice
{
    private static readonly string[] s_names = ["web", "db", "job"];

    public static IReadOnlyList<string> Zones { get; } = ["a", "b"];

    public static StackSpec Stack(Dice dice, string name)
    {
        var spec = new StackSpec { Name = name, Networks = { new NetworkSpec { Name = "default" } } };
        foreach (var service in s_names.Take(dice.Between(1, s_names.Length)))
            spec.Services.Add(Service(dice, service, spec.Services.Select(s => s.Name).ToList()));
        if (spec.Services.Any(s => s.Container.Mounts.Count > 0))
            spec.Volumes.Add(new VolumeSpec { Name = "data" });
        return spec;
    }

    /// <summary>Mostly good ones.</summary>
    public static string Image(Dice dice) =>
        SimulatedProgram.Image(dice.Chance(65) ? SimulatedProgram.Good : dice.Of(SimulatedProgram.Kinds), dice.Between(1, 9));

    public static string Describe(ServiceSpec spec) => $"{spec.Name} {(spec.Mode == ServiceMode.Global ? "global" : spec.Replicas)} x {spec.Container.Image}"
        + (spec.Reservations is { } r ? $" reserving {Amount.Cpus(r.NanoCpus)} {Amount.Bytes(r.MemoryBytes)}" : "")
        + (spec.Constraints.Count > 0 ? $" on {spec.Constraints[0]}" : "")
        + (spec.DependsOn.Count > 0 ? $" after {spec.DependsOn[0].Service} {spec.DependsOn[0].Condition}" : "")
        + (spec.Restart is { } restart ? $" restart {restart.Condition} {restart.DelayMs} {restart.MaxAttempts}" : "")
        + (spec.Update is { } u ? $" update {u.Parallelism} {u.Order} {u.FailureAction} monitor {u.MonitorMs} delay {u.DelayMs} ratio {u.MaxFailurePpm} deadline {u.ProgressDeadlineMs}" : "")
        + (spec.Container.Healthcheck is not null ? " checked" : "") + (spec.Ports.Count > 0 ? " port" : "");

    private static RestartPolicy Restart(Dice dice) => new()
    {
        Condition = dice.Of(Enum.GetValues<RestartCondition>()),
        DelayMs = dice.Of(0, 500, 3000),
        MaxAttempts = dice.Of(0, 0, 3),
        WindowMs = dice.Of(0, 0, 5000),
    };

    private static RolloutPolicy Rollout(Dice dice) => new()
    {
        Parallelism = dice.Between(0, 3),
        DelayMs = dice.Of(0, 0, 1500),
        FailureAction = dice.Of(Enum.GetValues<FailureAction>()),
        MonitorMs = dice.Of(0, 0, 3000),
        MaxFailurePpm = dice.Of(0, 0, 300_000),
        Order = dice.Of(Enum.GetValues<RolloutOrder>()),
        ProgressDeadlineMs = dice.Of(0, 8000, 20_000),
    };

    private static ServiceSpec Service(Dice dice, string name, List<string> before)
    {
        var spec = new ServiceSpec { Name = name, Replicas = dice.Between(0, 5), Container = new() { Image = Image(dice), StopGracePeriodMs = 3000 } };
        spec.Networks.Add(new NetworkAttachment { Network = "default" });
        if (dice.Chance(60))
            spec.Reservations = new() { NanoCpus = dice.Between(0, 3) * 500_000_000L, MemoryBytes = dice.Between(0, 4) * (512L << 20) };
        if (dice.Chance(25))
            spec.Constraints.Add($"node.labels.zone{dice.Of("==", "!=")}{dice.Of(Zones)}");
        if (dice.Chance(25))
            spec.Restart = Restart(dice);
        if (dice.Chance(12))
            spec.Mode = ServiceMode.Global;
        if (dice.Chance(35))
            spec.Update = Rollout(dice);
        if (dice.Chance(40))
            spec.Container.Healthcheck = new() { Test = { "CMD", "check" }, IntervalMs = 2000, TimeoutMs = 1000, Retries = 2, StartPeriodMs = 1000 };
        if (dice.Chance(15))
            spec.Container.Mounts.Add(new MountSpec { Type = MountType.Volume, Source = "data", Target = "/data" });
        if (dice.Chance(15))
            spec.Ports.Add(new PortSpec { Target = 80, Published = 8080, Mode = PortMode.Host });
        if (before.Count > 0 && dice.Chance(25))
            spec.DependsOn.Add(new Dependency { Service = dice.Of<string>(before), Required = true, Condition = dice.Of(Enum.GetValues<DependencyCondition>()) });
        return spec;
    }
}
