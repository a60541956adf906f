using Google.Protobuf;
using Orchestrator.Cli.Waiting;
using Orchestrator.Model;
using Xunit;

namespace Orchestrator.Tests.Cli;

public sealed class WaitingTests
{
    private static readonly TimeSpan s_short = TimeSpan.FromSeconds(1), s_long = TimeSpan.FromMinutes(1);

    [Fact]
    public void A_service_is_up_when_as_many_run_as_were_asked_for()
    {
        var progress = Of(s_short, running: 2, asked: 2, [Replica(1, ReplicaState.Running), Replica(2, ReplicaState.Running)]);
        Assert.Equal((Outcome.Up, "2/2 up"), (progress.Outcome, progress.Describe(withDetail: true)));
    }

    [Fact]
    public void A_service_of_no_replicas_is_up() => Assert.Equal(Outcome.Up, Of(s_short, 0, 0, []).Outcome);

    [Fact]
    public void Work_that_is_done_and_not_to_be_repeated_counts_as_up()
    {
        Assert.Equal(Outcome.Up, Of(s_short, 0, 1, [Replica(1, ReplicaState.Complete)], RestartCondition.OnFailure).Outcome);
        Assert.Equal(Outcome.Waiting, Of(s_short, 0, 1, [Replica(1, ReplicaState.Complete)], RestartCondition.Any).Outcome);
    }

    [Fact]
    public void The_newest_replica_of_a_slot_speaks_for_it()
    {
        var progress = Of(s_short, 0, 1, [Replica(1, ReplicaState.Failed, created: 1), Replica(1, ReplicaState.Preparing, created: 2)]);
        Assert.Equal("0/1 running; web.1 preparing", progress.Describe(withDetail: true));
    }

    [Fact]
    public void What_is_not_restarted_has_failed_at_once_and_says_why()
    {
        var failed = Replica(1, ReplicaState.Failed);
        failed.Observed.ExitCode = 3;
        var progress = Of(s_short, 0, 1, [failed], RestartCondition.None);
        Assert.Equal((Outcome.Failed, "web.1 failed: exit code 3"), (progress.Outcome, progress.Detail));
    }

    [Fact]
    public void Crashes_and_a_lack_of_room_are_given_time_before_they_count_as_failure()
    {
        var crashing = Replica(1, ReplicaState.Starting, failures: 6);
        Assert.Equal((Outcome.Waiting, Outcome.Failed), (Of(s_short, 0, 1, [crashing]).Outcome, Of(s_long, 0, 1, [crashing]).Outcome));
        var homeless = Replica(1, ReplicaState.Pending);
        homeless.NodeId = "";
        homeless.Message = "no node: 3 lacks 4 TiB";
        Assert.Equal((Outcome.Waiting, Outcome.Failed), (Of(s_short, 0, 1, [homeless]).Outcome, Of(s_long, 0, 1, [homeless]).Outcome));
        homeless.Message = "waits for db: to be healthy";
        Assert.Equal(Outcome.Waiting, Of(s_long, 0, 1, [homeless]).Outcome);
    }

    [Fact]
    public void A_version_that_was_rolled_back_has_failed_and_says_why_by_the_replica_that_did()
    {
        var failed = Replica(2, ReplicaState.Failed);
        failed.SpecRevision = 9;
        var picture = Picture(12, 2, 2, [Replica(1, ReplicaState.Running), Replica(2, ReplicaState.Running), failed]);
        var service = picture.Services[0].Service;
        service.Version = 1;
        service.Rollout = new Rollout { RolledBack = 2, Message = "web.2 failed: exit code 1" };
        service.History.Add(new ServiceVersion { Version = 2, SpecRevision = 9, Message = "web.2 failed: exit code 1" });
        var progress = ServiceProgress.Of(picture, s_short, revision: 9).Single();
        Assert.Equal((Outcome.Failed, "version 2 was rolled back to 1: web.2 failed: exit code 1"), (progress.Outcome, progress.Detail));
        Assert.Same(failed, progress.Culprit);
        Assert.Equal(Outcome.Up, ServiceProgress.Of(picture, s_short, revision: 10).Single().Outcome);
    }

    [Fact]
    public void Canaries_that_wait_to_be_promoted_are_up()
    {
        var picture = Picture(12, 1, 3, [Replica(1, ReplicaState.Running)]);
        picture.Services[0].Service.Rollout = new Rollout { State = RolloutState.RolloutCanary, Message = "1 of 3 replicas run version 2" };
        var progress = ServiceProgress.Of(picture, s_short, revision: 9).Single();
        Assert.Equal((Outcome.Up, "1/3 up; 1 of 3 replicas run version 2; `orc rollout promote shop/web` goes on"), (progress.Outcome, progress.Describe(withDetail: true)));
    }

    [Fact]
    public async Task Apply_waits_until_all_is_up_and_shows_each_step_once()
    {
        await using var cluster = await FakeCluster.StartAsync();
        cluster.Applied.Revision = 5;
        cluster.Pictures.Add(Picture(4, 1, 1, []));
        cluster.Pictures.Add(Picture(6, 0, 1, [Replica(1, ReplicaState.Preparing)]));
        cluster.Pictures.Add(Picture(7, 1, 1, [Replica(1, ReplicaState.Running)]));
        var (exitCode, output, error) = await cluster.OrcAsync(["apply", "-f", "-", "--settle", "10ms", "-n", "shop"], "services: { web: { image: x } }"u8.ToArray());
        Assert.Equal((0, ""), (exitCode, error));
        Assert.EndsWith("web: 1/1 up\n", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Apply_of_what_fails_is_exit_code_1_with_the_reason_and_the_last_lines_of_the_log()
    {
        await using var cluster = await FakeCluster.StartAsync();
        var failed = Replica(1, ReplicaState.Failed);
        failed.Observed.ExitCode = 3;
        cluster.Pictures.Add(Picture(6, 0, 1, [failed], RestartCondition.None));
        cluster.Lines.Add(new LogLine { ReplicaId = failed.Id, ReplicaName = "web.1", Text = ByteString.CopyFromUtf8("cannot open database") });
        var (exitCode, _, error) = await cluster.OrcAsync(["apply", "-f", "-", "-n", "shop"], "services: { web: { image: x } }"u8.ToArray());
        Assert.Equal(1, exitCode);
        Assert.Equal(
            """
            orc: service web does not come up
            orc: web: 0/1 running; web.1 failed: exit code 3
                web.1 | cannot open database

            """, error);
    }

    [Fact]
    public async Task Apply_gives_up_after_its_timeout_and_says_what_is_missing()
    {
        await using var cluster = await FakeCluster.StartAsync();
        cluster.Pictures.Add(Picture(6, 0, 1, [Replica(1, ReplicaState.Preparing)]));
        var (exitCode, _, error) = await cluster.OrcAsync(["apply", "-f", "-", "-n", "shop", "--timeout", "200ms"], "services: { web: { image: x } }"u8.ToArray());
        Assert.Equal((1, "orc: stack shop is not up after 0.2 s\norc: web: 0/1 running; web.1 preparing\n"), (exitCode, error));
    }

    [Fact]
    public async Task A_detached_apply_does_not_wait()
    {
        await using var cluster = await FakeCluster.StartAsync();
        Assert.Equal(0, (await cluster.OrcAsync(["apply", "-f", "-", "-n", "shop", "--detach"], "services: { web: { image: x } }"u8.ToArray())).ExitCode);
    }

    private static ServiceProgress Of(TimeSpan waited, int running, int asked, Replica[] replicas, RestartCondition restart = RestartCondition.Any) =>
        ServiceProgress.Of(Picture(1, running, asked, replicas, restart), waited, revision: 0).Single();

    private static WatchStackResponse Picture(ulong revision, int running, int asked, Replica[] replicas, RestartCondition restart = RestartCondition.Any) => new()
    {
        Exists = true,
        Revision = revision,
        Replicas = { replicas },
        Services =
        {
            new ServiceStatus
            {
                Service = new Service { Id = "shop/web", Stack = "shop", Name = "web", Spec = new ServiceSpec { Restart = new RestartPolicy { Condition = restart } } },
                Running = running,
                Asked = asked,
            },
        },
    };

    private static Replica Replica(int slot, ReplicaState state, ulong created = 1, int failures = 0) => new()
    {
        Id = $"r{slot}-{created}",
        ServiceId = "shop/web",
        Stack = "shop",
        Service = "web",
        Slot = slot,
        NodeId = "n1",
        CreatedRevision = created,
        FailuresInRow = failures,
        Observed = new Observed { State = state },
    };
}
