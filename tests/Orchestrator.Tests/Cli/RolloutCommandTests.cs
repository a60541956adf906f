using Google.Protobuf;
using Orchestrator.Model;
using Xunit;

namespace Orchestrator.Tests.Cli;

public sealed class RolloutCommandTests : IAsyncLifetime
{
    private FakeCluster _cluster = null!;

    public async ValueTask InitializeAsync()
    {
        _cluster = await FakeCluster.StartAsync();
        _cluster.Nodes.Add(new Node { Id = "n1", Hostname = "worker-1" });
        _cluster.Lines.Add(new LogLine { ReplicaName = "web.1", Text = ByteString.CopyFromUtf8("no database") });
    }

    public async ValueTask DisposeAsync() => await _cluster.DisposeAsync();

    [Fact]
    public async Task Status_of_one_that_failed_says_which_replica_why_and_its_last_lines()
    {
        Add(new Rollout { State = RolloutState.RolloutPaused, Message = "web.1 failed: exit code 3" });
        _cluster.Replicas.AddRange([Replica(1, 20, ReplicaState.Failed, exitCode: 3), Replica(2, 10, ReplicaState.Running)]);
        var (exitCode, output, _) = await _cluster.OrcAsync(["rollout", "status", "web"]);
        Assert.Equal(1, exitCode);
        Assert.Equal(
            """
            shop/web: version 2 is being rolled out, paused; web.1 failed: exit code 3
            replicas: 1 of 2 run version 2

            REPLICA  VERSION  NODE      STATE    WHY
            web.1    2        worker-1  failed   exit code 3
            web.2    1        worker-1  running
                web.1 | no database

            """,
            output);
        Assert.Equal(1, (await _cluster.OrcAsync(["rollout", "status", "web", "-o", "json"])).ExitCode);
    }

    [Fact]
    public async Task Status_of_one_that_was_rolled_back_shows_the_replica_of_the_version_given_up()
    {
        Add(new Rollout { State = RolloutState.RolloutComplete, RolledBack = 1, Message = "web.1 failed: exit code 3" });
        _cluster.Replicas.AddRange([Replica(1, 10, ReplicaState.Failed, exitCode: 3), Replica(1, 20, ReplicaState.Running)]);
        var (exitCode, output, _) = await _cluster.OrcAsync(["rollout", "status", "web"]);
        Assert.Equal(0, exitCode);
        Assert.StartsWith("shop/web: version 2 is complete; returned from version 1: web.1 failed: exit code 3\n", output, StringComparison.Ordinal);
        Assert.EndsWith("    web.1 | no database\n", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task History_lists_what_can_be_returned_to()
    {
        Add(new Rollout { State = RolloutState.RolloutComplete });
        var (_, output, _) = await _cluster.OrcAsync(["rollout", "history", "web"]);
        Assert.Equal(["VERSION STATE IMAGE REPLACED WHY", "1 good web:1", "2 current web:2"], output.TrimEnd().Split('\n').Select(Words));
    }

    [Theory]
    [InlineData("pause", RolloutVerb.RolloutPause, 0)]
    [InlineData("resume", RolloutVerb.RolloutResume, 0)]
    [InlineData("promote", RolloutVerb.RolloutPromote, 0)]
    [InlineData("abort", RolloutVerb.RolloutUndo, 0)]
    [InlineData("restart", RolloutVerb.RolloutRestart, 0)]
    [InlineData("undo", RolloutVerb.RolloutUndo, 1)]
    public async Task Each_word_is_passed_on(string word, RolloutVerb verb, int version)
    {
        Add(new Rollout());
        var (exitCode, _, error) = await _cluster.OrcAsync(["rollout", word, "shop/web", .. version > 0 ? ["--to", "1"] : Array.Empty<string>()]);
        Assert.Equal((0, "shop/web: version 2 is being rolled out\n"), (exitCode, error));
        var request = _cluster.Requests.OfType<SteerRolloutRequest>().Single();
        Assert.Equal(("shop/web", verb, version), (request.Service, request.Verb, request.ToVersion));
    }

    [Fact]
    public async Task What_is_complete_cannot_be_aborted()
    {
        Add(new Rollout { State = RolloutState.RolloutComplete });
        var (exitCode, _, error) = await _cluster.OrcAsync(["rollout", "abort", "web"]);
        Assert.Equal((1, "orc: service shop/web: no rollout is under way; `orc rollout undo` returns to an earlier version\n"), (exitCode, error));
        Assert.Empty(_cluster.Requests.OfType<SteerRolloutRequest>());
    }

    private void Add(Rollout rollout) => _cluster.Services.Add(new ServiceStatus
    {
        Running = 1,
        Asked = 2,
        Service = new Service
        {
            Id = "shop/web", Stack = "shop", Name = "web", Version = 2, SpecRevision = 20, Rollout = rollout, Spec = Spec("web:2"),
            History = { new ServiceVersion { Version = 1, SpecRevision = 10, Spec = Spec("web:1"), Good = true } },
        },
    });

    private static ServiceSpec Spec(string image) => new() { Name = "web", Container = new() { Image = image } };

    private static Replica Replica(int slot, ulong specRevision, ReplicaState state, int exitCode = 0) => new()
    {
        Id = $"r{slot}-{specRevision}", ServiceId = "shop/web", Stack = "shop", Service = "web", Slot = slot, NodeId = "n1", SpecRevision = specRevision,
        Observed = new Observed { State = state, ExitCode = exitCode },
    };

    private static string Words(string line) => string.Join(' ', line.Split(' ', StringSplitOptions.RemoveEmptyEntries));
}
