using Orchestrator.Model;
using Orchestrator.Oci;

namespace Orchestrator.Agent.Health;

/// <summary>A health check with every value decided.</summary>
public sealed record HealthCheck(
    IReadOnlyList<string> Command, TimeSpan Interval, TimeSpan Timeout, int Retries, TimeSpan StartPeriod, TimeSpan StartInterval)
{
    private const int NanosecondsPerMillisecond = 1_000_000;

    /// <summary>Null when neither the service nor the image asks for one, or the service says NONE.</summary>
    public static HealthCheck? Of(Healthcheck? service, ImageHealthcheck? image)
    {
        IReadOnlyList<string> test = service is { Test.Count: > 0 } ? service.Test : image?.Test ?? [];
        var command = Parse(test);
        return command is null ? null : new HealthCheck(
            command,
            Choose(service?.IntervalMs, image?.Interval, 30_000),
            Choose(service?.TimeoutMs, image?.Timeout, 30_000),
            service is { Retries: > 0 } ? service.Retries : image is { Retries: > 0 } ? image.Retries : 3,
            Choose(service?.StartPeriodMs, image?.StartPeriod, 0),
            Choose(service?.StartIntervalMs, image?.StartInterval, 5_000));
    }

    private static IReadOnlyList<string>? Parse(IReadOnlyList<string> test) => (test.Count > 0 ? test[0] : null) switch
    {
        null or "NONE" => null,
        "CMD" => [.. test.Skip(1)],
        "CMD-SHELL" => ["/bin/sh", "-c", .. test.Skip(1)],
        _ => ["/bin/sh", "-c", string.Join(' ', test)],
    };

    private static TimeSpan Choose(long? serviceMs, long? imageNs, long defaultMs) =>
        TimeSpan.FromMilliseconds(serviceMs > 0 ? serviceMs.Value : imageNs > 0 ? imageNs.Value / NanosecondsPerMillisecond : defaultMs);
}

/// <summary>Where a container is with its check.</summary>
/// <param name="FailuresInRow">Counted ones.</param>
/// <param name="Probes">So far.</param>
public readonly record struct HealthProgress(Model.Health Health, int FailuresInRow, int Probes)
{
    private static readonly TimeSpan s_firstWait = TimeSpan.FromMilliseconds(200);

    public static HealthProgress Starting => new(Model.Health.Starting, 0, 0);

    /// <summary>After a probe that ended so long after the container's start.</summary>
    public HealthProgress After(bool passed, HealthCheck check, TimeSpan age)
    {
        if (passed)
            return new(Model.Health.Healthy, 0, Probes + 1);
        if (Health == Model.Health.Starting && age < Leniency(check))
            return this with { Probes = Probes + 1 };
        var failures = FailuresInRow + 1;
        return new(failures >= check.Retries ? Model.Health.Unhealthy : Health, failures, Probes + 1);
    }

    /// <summary>
    /// How long until the next probe. Until a container has answered well it is asked soon and then less and less often, so that a quick
    /// one is a backend quickly; failures before the moment of the first regular probe are not held against it.
    /// </summary>
    public TimeSpan Wait(HealthCheck check, TimeSpan age)
    {
        if (Health != Model.Health.Starting || age >= Leniency(check))
            return check.Interval;
        var growing = s_firstWait * Math.Pow(2, Math.Min(Probes, 20));
        var most = check.StartInterval < check.Interval ? check.StartInterval : check.Interval;
        var wait = growing < most ? growing : most;
        var left = Leniency(check) - age;
        return wait < left ? wait : left;
    }

    private static TimeSpan Leniency(HealthCheck check) => check.StartPeriod > check.Interval ? check.StartPeriod : check.Interval;
}
