using CsCheck;
using Orchestrator.Agent.Health;
using Orchestrator.Model;
using Orchestrator.Oci;
using Xunit;

namespace Orchestrator.Tests.Agent.Health;

public sealed class HealthCheckTests
{
    private static readonly HealthCheck s_check = new(["true"], TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(1), 3, TimeSpan.Zero, TimeSpan.FromSeconds(5));

    [Fact]
    public void The_service_decides_over_the_image_value_by_value()
    {
        var image = new ImageHealthcheck { Test = ["CMD", "/image"], Interval = 7_000_000_000, Retries = 9 };
        var check = HealthCheck.Of(new Healthcheck { Test = { "CMD-SHELL", "curl localhost" }, TimeoutMs = 2000 }, image)!;
        Assert.Equal(["/bin/sh", "-c", "curl localhost"], check.Command);
        Assert.Equal((7, 2, 9), (check.Interval.TotalSeconds, check.Timeout.TotalSeconds, check.Retries));
        Assert.Equal(["/image"], HealthCheck.Of(null, image)!.Command);
    }

    [Fact]
    public void NONE_and_silence_are_no_check()
    {
        Assert.Null(HealthCheck.Of(null, null));
        Assert.Null(HealthCheck.Of(new Healthcheck { Test = { "NONE" } }, new ImageHealthcheck { Test = ["CMD", "x"] }));
        Assert.Null(HealthCheck.Of(new Healthcheck(), new ImageHealthcheck { Test = ["NONE"] }));
    }

    [Fact]
    public void So_many_failures_in_a_row_as_retries_are_unhealthy()
    {
        var progress = HealthProgress.Starting.After(true, s_check, TimeSpan.FromSeconds(1));
        for (var failure = 1; failure < s_check.Retries; failure++)
            Assert.Equal(Orchestrator.Model.Health.Healthy, (progress = progress.After(false, s_check, TimeSpan.FromSeconds(60))).Health);
        Assert.Equal(Orchestrator.Model.Health.Unhealthy, progress.After(false, s_check, TimeSpan.FromSeconds(60)).Health);
    }

    [Fact]
    public void Failures_while_it_starts_are_not_held_against_it()
    {
        var check = s_check with { StartPeriod = TimeSpan.FromSeconds(30), Retries = 1 };
        var progress = HealthProgress.Starting.After(false, check, TimeSpan.FromSeconds(29));
        Assert.Equal((Orchestrator.Model.Health.Starting, 0), (progress.Health, progress.FailuresInRow));
        Assert.Equal(Orchestrator.Model.Health.Unhealthy, progress.After(false, check, TimeSpan.FromSeconds(30)).Health);
    }

    [Fact]
    public void A_quick_container_is_asked_quickly() =>
        Assert.True(HealthProgress.Starting.Wait(s_check, TimeSpan.Zero) < TimeSpan.FromSeconds(1));

    [Fact]
    public void The_first_probe_that_counts_comes_no_later_than_the_first_regular_one() =>
        Gen.Select(Gen.Int[100, 60_000], Gen.Int[0, 60_000], Gen.Int[100, 60_000]).Sample((interval, start, startInterval) =>
        {
            var check = s_check with
            {
                Interval = TimeSpan.FromMilliseconds(interval),
                StartPeriod = TimeSpan.FromMilliseconds(start),
                StartInterval = TimeSpan.FromMilliseconds(startInterval),
                Retries = 1,
            };
            var (progress, age) = (HealthProgress.Starting, TimeSpan.Zero);
            while (progress.Health == Orchestrator.Model.Health.Starting)
            {
                var wait = progress.Wait(check, age);
                Assert.True(wait > TimeSpan.Zero && wait <= check.Interval);
                age += wait;
                progress = progress.After(false, check, age);
            }
            Assert.Equal(Math.Max(interval, start), age.TotalMilliseconds, 1.0);
        });
}
