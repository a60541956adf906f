using System.IO.Pipes;
using System.Text;
using System.Text.Json.Nodes;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.Win32.SafeHandles;
using Orchestrator.Model;
using Xunit;

namespace Orchestrator.Tests.Cli;

public sealed class CommandTests : IAsyncLifetime
{
    private FakeCluster _cluster = null!;

    public async ValueTask InitializeAsync() => _cluster = await FakeCluster.StartAsync();

    public async ValueTask DisposeAsync() => await _cluster.DisposeAsync();

    [Theory]
    [InlineData("frobnicate", "frobnicate")]
    [InlineData("node", "command")]
    [InlineData("ps --context", "--context")]
    [InlineData("ps -o xml", "xml")]
    [InlineData("service scale web many", "many")]
    [InlineData("service scale web -- -1", "0 or more")]
    [InlineData("node label a b", "NAME=VALUE")]
    [InlineData("apply --wait --detach -f x", "--detach")]
    [InlineData("apply --timeout soon -f x", "soon")]
    [InlineData("logs --since yesteryear web", "yesteryear")]
    [InlineData("exec -t web.1 sh", "terminal")]
    public async Task Wrong_usage_is_one_line_on_the_error_stream_and_exit_code_2(string line, string word)
    {
        var (exitCode, output, error) = await _cluster.OrcAsync(line.Split(' '));
        Assert.Equal(2, exitCode);
        Assert.Empty(output);
        Assert.StartsWith("orc: ", error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd().Split('\n'));
        Assert.Contains(word, error, StringComparison.Ordinal);
        Assert.Empty(_cluster.Requests);
    }

    [Fact]
    public async Task Help_names_the_exit_codes() =>
        Assert.Contains("3 no server could be reached", (await _cluster.OrcAsync(["--help"])).Output, StringComparison.Ordinal);

    [Theory]
    [InlineData("--help")]
    [InlineData("ps")]
    [InlineData("logs web")]
    [InlineData("exec -i web.1 cat")]
    public async Task Whoever_read_the_output_and_went_is_not_told_and_not_waited_for(string line)
    {
        _cluster.Lines.Add(new LogLine { ReplicaName = "web.1", Text = ByteString.CopyFromUtf8("a line") });
        using var pipe = new AnonymousPipeServerStream(PipeDirection.Out);
        pipe.DisposeLocalCopyOfClientHandle();
        using var output = new FileStream(new SafeFileHandle(pipe.SafePipeHandle.DangerousGetHandle(), ownsHandle: false), FileAccess.Write, bufferSize: 0);
        var (exitCode, error) = await _cluster.OrcAsync(line.Split(' '), output, "x"u8.ToArray());
        Assert.Equal((141, ""), (exitCode, error));
    }

    [Fact]
    public async Task Standard_input_is_read_once()
    {
        var (exitCode, _, error) = await _cluster.OrcAsync(["compose", "config", "-f", "-", "-f", "-"], "services: { a: { image: x } }"u8.ToArray());
        Assert.Equal(2, exitCode);
        Assert.Contains("-f - is given twice", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_bad_compose_file_is_exit_code_2_and_never_reaches_the_cluster()
    {
        var (exitCode, _, error) = await _cluster.OrcAsync(["apply", "-f", "-"], "services:\n  a: { image: x, deploy: { replicas: many }, gpus: all }\n"u8.ToArray());
        Assert.Equal(2, exitCode);
        Assert.Equal(
            """
            orc: -:2: services.a.deploy.replicas: got "many"; expected a whole number of at least 0
            orc: -:2: services.a.gpus: the key "gpus" is not supported: name the devices under devices

            """, error);
        Assert.Empty(_cluster.Requests);
    }

    [Fact]
    public async Task Several_compose_files_profiles_and_variables_become_one_stack()
    {
        var directory = Directory.CreateTempSubdirectory("orc-compose-").FullName;
        try
        {
            foreach (var (name, text) in new[]
            {
                ("compose.yaml", "name: shop\nservices: { web: { image: 'web:${TAG}' }, debug: { image: d, profiles: [debug] } }"), ("over.yaml", "services: { web: { user: '5' } }"),
                ("one.env", "TAG=1"), ("two.env", "TAG=2"),
            })
                await File.WriteAllTextAsync(Path.Combine(directory, name), text, TestContext.Current.CancellationToken);
            string[] options =
            [
                "-f", $"{directory}/compose.yaml", "-f", $"{directory}/over.yaml", "--profile", "debug", "--env-file", $"{directory}/one.env", "--env-file", $"{directory}/two.env",
            ];
            Assert.Equal(0, (await _cluster.OrcAsync(["plan", .. options])).ExitCode);
            var spec = Assert.Single(_cluster.Requests.OfType<PlanStackRequest>()).Spec;
            Assert.Equal(["web:2 5", "d "], spec.Services.Select(s => $"{s.Container.Image} {s.Container.User}"));

            var (exitCode, output, error) = await _cluster.OrcAsync(["compose", "config", .. options]);
            Assert.Equal((0, ""), (exitCode, error));
            Assert.Equal("name: shop\nservices:\n  web:\n    image: \"web:2\"\n    user: \"5\"\n  debug:\n    image: d\n", output);
            Assert.Equal("web", (string?)JsonNode.Parse((await _cluster.OrcAsync(["compose", "config", "-o", "json", .. options])).Output)!["services"]![0]!["name"]);
            Assert.Equal("web\ndebug\n", (await _cluster.OrcAsync(["compose", "config", "--services", .. options])).Output);
            Assert.Equal("web:2\nd\n", (await _cluster.OrcAsync(["compose", "config", "--images", .. options])).Output);
            Assert.Equal("debug\n", (await _cluster.OrcAsync(["compose", "config", "--profiles", .. options[..4], .. options[6..]])).Output);
            Assert.Equal("", (await _cluster.OrcAsync(["compose", "config", "-q", .. options])).Output);
            Assert.Matches("^web [0-9a-f]{64}\ndebug [0-9a-f]{64}\n$", (await _cluster.OrcAsync(["compose", "config", "--hash", .. options])).Output);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public async Task A_refusal_of_the_server_is_exit_code_1_with_its_sentences()
    {
        _cluster.Refusal = new RpcException(new Status(StatusCode.InvalidArgument, "service a: no\nservice b: neither"));
        var (exitCode, _, error) = await _cluster.OrcAsync(["plan", "-f", "-"], "services: { a: { image: x } }"u8.ToArray());
        Assert.Equal((1, "orc: service a: no\norc: service b: neither\n"), (exitCode, error));
    }

    [Fact]
    public async Task A_plan_shows_what_changes_and_hides_what_does_not()
    {
        _cluster.Applied.Actions.Add(new PlannedAction { Verb = PlannedVerb.Unchanged, Kind = "network", Name = "default" });
        _cluster.Applied.Actions.Add(new PlannedAction { Verb = PlannedVerb.Replace, Kind = "service", Name = "web", Fields = { "image: a -> b" }, Placement = { "would go to a" } });
        _cluster.Applied.Warnings.Add("tag moved");
        var (exitCode, output, error) = await _cluster.OrcAsync(["plan", "-f", "-", "-n", "shop"], "services: { web: { image: b } }"u8.ToArray());
        Assert.Equal((0, "stack shop:\n  ! replace the replicas of service web\n      image: a -> b\n      would go to a\n", "warning: tag moved\n"), (exitCode, output, error));
    }

    [Fact]
    public async Task Why_shows_the_terms_of_the_nodes_that_could_take_it_and_the_refusals_of_the_others()
    {
        var replica = new Replica { Id = "r1", Stack = "shop", Service = "web", Slot = 2, NodeId = "n1", Observed = new Observed { State = ReplicaState.Running } };
        _cluster.Why = new WhyReplicaResponse
        {
            Replica = replica,
            Nodes =
            {
                new NodeVerdict { Hostname = "worker-1", NodeId = "n1", Current = true, FreePermille = 1500, Live = 3, Groups = { Zone("a", 1) } },
                new NodeVerdict { Hostname = "worker-2", NodeId = "n2", OfService = 1, FreePermille = 1990, Groups = { Zone("", 1) } },
                new NodeVerdict { Hostname = "worker-3", NodeId = "n3", Refusal = "lacks 512 MiB", Groups = { Zone("a", 1) } },
            },
        };
        var (exitCode, output, _) = await _cluster.OrcAsync(["why", "web.2"]);
        Assert.Equal((0, "web.2"), (exitCode, Assert.Single(_cluster.Requests.OfType<WhyReplicaRequest>()).Replica));
        Assert.Equal(
            """
            shop/web.2 (r1) is on worker-1, running
            NODE            NODE.LABELS.ZONE  OF SERVICE  FREE  REPLICAS  REFUSES
            worker-1  here  a: 1              0           75 %  3
            worker-2        (none): 1         1           99 %  0
            worker-3        a: 1              0           0 %   0         lacks 512 MiB

            """, output);
        SpreadGroup Zone(string value, int replicas) => new() { Field = "node.labels.zone", Value = value, Replicas = replicas };
    }

    [Fact]
    public async Task Ps_says_where_a_replica_runs_or_why_it_does_not()
    {
        _cluster.Nodes.Add(new Node { Id = "n1", Hostname = "worker-1" });
        _cluster.Replicas.Add(new Replica { Id = "r2", Stack = "shop", Service = "web", Slot = 2, Message = "no node: 1 lacks 2 GiB\nforged row" });
        _cluster.Replicas.Add(new Replica { Id = "r1", Stack = "shop", Service = "web", Slot = 1, NodeId = "n1", Observed = new Observed { State = ReplicaState.Running, Health = Health.Healthy } });
        var (_, output, _) = await _cluster.OrcAsync(["ps"]);
        Assert.Equal(
            """
            ID  STACK  REPLICA  NODE      STATE              SINCE  IMAGE  WHY
            r1  shop   web.1    worker-1  running (healthy)
            r2  shop   web.2              new                              no node: 1 lacks 2 GiB forged row

            """, output);
    }

    [Fact]
    public async Task Ps_as_json_has_every_field_even_of_a_new_replica()
    {
        _cluster.Nodes.Add(new Node { Id = "n1", Hostname = "worker-1" });
        _cluster.Replicas.Add(new Replica { Id = "r1", Stack = "shop", Service = "web", Slot = 1, NodeId = "n1", Spec = new ServiceSpec() });
        var replica = JsonNode.Parse((await _cluster.OrcAsync(["ps", "-o", "json"])).Output)![0]!;
        Assert.Equal(("NEW", "DESIRED_RUNNING", "worker-1"), ((string?)replica["observed"]!["state"], (string?)replica["desired"], (string?)replica["node"]));
        Assert.Null(replica["spec"]);
    }

    [Fact]
    public async Task A_service_is_found_by_any_of_its_names_and_ambiguity_is_explained()
    {
        foreach (var stack in new[] { "a", "b" })
            _cluster.Services.Add(new ServiceStatus { Service = new Service { Id = $"{stack}/web", Stack = stack, Name = "web" } });
        Assert.Equal((1, "orc: \"web\" is in several stacks; write one of a/web, b/web\n"), Failure(await _cluster.OrcAsync(["service", "rm", "web"])));
        Assert.Equal((1, "orc: there is no service \"db\"; `orc service ls` lists them\n"), Failure(await _cluster.OrcAsync(["service", "rm", "db"])));
        Assert.Equal(0, (await _cluster.OrcAsync(["service", "scale", "b_web", "3"])).ExitCode);
        Assert.Equal(("b/web", 3), _cluster.Requests.OfType<ScaleServiceRequest>().Select(r => (r.Service, r.Replicas)).Single());
    }

    [Fact]
    public async Task Labels_are_set_and_removed_in_one_call()
    {
        await _cluster.OrcAsync(["node", "label", "n1", "disk=ssd", "zone=a=b", "old-"]);
        var request = _cluster.Requests.OfType<UpdateNodeRequest>().Single();
        Assert.Equal(("ssd", "a=b", "old"), (request.SetLabels["disk"], request.SetLabels["zone"], request.RemoveLabels.Single()));
    }

    [Fact]
    public async Task Log_lines_keep_their_bytes_and_their_stream_and_a_broken_source_shows()
    {
        _cluster.Lines.Add(new LogLine { ReplicaId = "r1", ReplicaName = "web.1", Text = ByteString.CopyFrom(0xff, (byte)'a') });
        _cluster.Lines.Add(new LogLine { ReplicaId = "r1", ReplicaName = "web.1", Text = ByteString.CopyFromUtf8("oops"), Stderr = true });
        _cluster.Lines.Add(new LogLine { ReplicaId = "r2", ReplicaName = "web.2", Error = "node worker-2 is down" });
        var (exitCode, output, error) = await _cluster.OrcAsync(["logs", "--tail", "5", "web"]);
        Assert.Equal((1, "web.1 | \ufffda\n", "web.1 | oops\norc: web.2: node worker-2 is down\n"), (exitCode, output, error));
        Assert.Equal(5, _cluster.Requests.OfType<LogsRequest>().Single().Tail);
    }

    [Fact]
    public async Task Following_a_log_says_once_that_the_server_is_gone_and_goes_on_without_repeating_lines()
    {
        _cluster.Lines.Add(new LogLine { ReplicaId = "r1", ReplicaName = "web.1", Text = ByteString.CopyFromUtf8("one"), TimeNs = 5_000_000 });
        _cluster.LogBreaks = 3;
        var (exitCode, output, error) = await _cluster.OrcAsync(["logs", "-f", "web"]);
        Assert.Equal((0, "web.1 | one\n"), (exitCode, output));
        Assert.Equal("orc: the log stops here until a server can be reached again (the server goes away)\n", error);
    }

    [Fact]
    public async Task Exec_passes_options_behind_the_replica_on_and_ends_with_the_commands_exit_code()
    {
        var (exitCode, output, _) = await _cluster.OrcAsync(["exec", "-i", "-u", "www", "-e", "A=b", "web.1", "cat", "-n", "--help", "-i"], Encoding.UTF8.GetBytes("to and fro"));
        Assert.Equal((7, "to and fro"), (exitCode, output));
        var start = _cluster.Requests.OfType<ExecStart>().Single();
        Assert.Equal(["cat", "-n", "--help", "-i"], start.Command);
        Assert.Equal(("web.1", "www", "b", true, false), (start.Replica, start.User, start.Environment["A"], start.Interactive, start.Tty));
    }

    [Fact]
    public async Task Exec_of_what_cannot_run_says_so() =>
        Assert.Equal((1, "orc: there is no such program\n"), Failure(await _cluster.OrcAsync(["exec", "web.1", "fail"])));

    private static (int, string) Failure((int ExitCode, string Output, string Error) result) => (result.ExitCode, result.Error);
}
