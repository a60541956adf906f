using System.Globalization;
using System.Text;
using Orchestrator.Model;
using Xunit;

namespace Orchestrator.Tests.Model.Scenarios;

/// <summary>Each .txt file is a scenario: commands at the left, below each, indented, every change of a replica that followed.
/// ORC_GOLDEN=rewrite writes the files anew; the diff is the review.</summary>
public sealed class ScenarioTests
{
    public static TheoryData<string> Files => [.. Directory.GetFiles(Folder, "*.txt").Select(f => Path.GetFileNameWithoutExtension(f)!).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Files))]
    public void The_trace_is_as_written(string name)
    {
        var path = Path.Combine(Folder, name + ".txt");
        var written = File.ReadAllText(path);
        var traced = new Scenario().Run(written.Split('\n'));
        if (Environment.GetEnvironmentVariable("ORC_GOLDEN") == "rewrite")
            File.WriteAllText(path, traced);
        else
            Assert.Equal(written, traced);
    }

    private static string Folder { get; } = Path.Combine(Root(AppContext.BaseDirectory), "tests/Orchestrator.Tests/Model/Scenarios");

    private static string Root(string from) => File.Exists(Path.Combine(from, "Orchestrator.slnx")) ? from : Root(Path.GetDirectoryName(from)!);

    private sealed class Scenario
    {
        private readonly FakeCluster _cluster = new();
        private readonly StringBuilder _trace = new();
        private readonly Dictionary<string, string> _names = [];
        private readonly Dictionary<string, int> _attempts = [];
        private readonly Dictionary<string, string> _last = [];
        private readonly long _startMs;

        public Scenario()
        {
            _startMs = _cluster.NowMs;
            _cluster.Applied += Trace;
        }

        public string Run(IEnumerable<string> lines)
        {
            foreach (var line in lines.Where(l => !l.StartsWith(' ')))
            {
                _trace.Append(line).Append('\n');
                if (line.Length > 0 && line[0] != '#')
                    Do(line.Split(' ', StringSplitOptions.RemoveEmptyEntries));
            }
            return _trace.ToString().TrimEnd('\n') + "\n";
        }

        private void Do(string[] words)
        {
            switch (words)
            {
                case ["node", var name, .. var options]:
                    var o = Options(options);
                    _cluster.AddNode(name, Number(o, "cpus", 4), Number(o, "memory", 8192), o.Where(p => p.Key.StartsWith("label.", StringComparison.Ordinal))
                        .Select(p => KeyValuePair.Create(p.Key[6..], p.Value)));
                    break;
                case ["apply", var stack, .. var services]:
                    Propose(Specs.Put(Specs.Stack(stack, services.Select(Service))));
                    break;
                case ["scale", var service, var replicas]:
                    Propose(Specs.Scale(service, int.Parse(replicas, CultureInfo.InvariantCulture)));
                    break;
                case ["rm", var service] when service.Contains('/', StringComparison.Ordinal):
                    Propose(new Operation { RemoveService = new() { ServiceId = service } });
                    break;
                case ["rm", var stack]:
                    Propose(new Operation { RemoveStack = new() { Name = stack } });
                    break;
                case ["rollout", var verb, var service, .. var version]:
                    var to = version.Length > 0 ? int.Parse(version[0], CultureInfo.InvariantCulture) : 0;
                    Propose(new Operation { SteerRollout = new() { ServiceId = service, Verb = Enum.Parse<RolloutVerb>("Rollout" + verb, ignoreCase: true), ToVersion = to } });
                    break;
                case ["end", var slot, var exitCode]:
                    _cluster.End(_cluster.State.Replicas.Values.Single(r => NameOf(r) == slot), int.Parse(exitCode, CultureInfo.InvariantCulture));
                    break;
                case ["step"]:
                    _cluster.Step();
                    break;
                case ["wait", var seconds]:
                    for (var until = _cluster.NowMs + 1000 * long.Parse(seconds, CultureInfo.InvariantCulture); _cluster.NowMs < until;)
                        _cluster.Step();
                    break;
                default:
                    DoToNode(words);
                    break;
            }
        }

        private void DoToNode(string[] words)
        {
            switch (words)
            {
                case ["cut", var node]: _cluster.Cut(node); break;
                case ["return", var node]: _cluster.Return(node); break;
                case ["drain", var node]: _cluster.Drain(node); break;
                case ["activate", var node]: _cluster.Drain(node, Availability.Active); break;
                case ["label", var node, var key, var value]:
                    _cluster.Do(new Operation { UpdateNode = new() { NodeId = node, SetLabels = { [key] = value } } });
                    break;
                case ["settle"]: _cluster.Settle(patienceMs: 2000); break;
                case ["show"]: Show(); break;
                default: Assert.Fail($"no such command: {string.Join(' ', words)}"); break;
            }
        }

        private void Propose(Operation operation)
        {
            if (_cluster.Propose(operation).Refusal is { } refusal)
                _trace.Append(CultureInfo.InvariantCulture, $"  {refusal.Kind}: {refusal.Message}\n");
        }

        private void Show()
        {
            foreach (var service in _cluster.State.Services.Values)
                _trace.Append(CultureInfo.InvariantCulture,
                    $"  {service.Id}: asked {service.Spec.Replicas}, running {_cluster.Running(service.Id)}{(service.Removing ? ", removing" : "")}\n");
            _trace.Append(CultureInfo.InvariantCulture, $"  containers {_cluster.Containers()}, networks {_cluster.State.Networks.Count}\n");
        }

        private void Trace(ClusterState state)
        {
            TraceRollouts(state);
            foreach (var id in _last.Keys.Where(id => !id.EndsWith('!') && !state.Replicas.ContainsKey(id)).Order(StringComparer.Ordinal).ToList())
            {
                Write(_names[id], "removed");
                _last.Remove(id);
            }
            foreach (var replica in state.Replicas.Values.OrderBy(r => r.ServiceId, StringComparer.Ordinal).ThenBy(r => r.Slot).ThenBy(r => r.CreatedRevision))
            {
                var text = Describe(replica);
                if (_last.GetValueOrDefault(replica.Id) != text)
                    Write(NameOf(replica), text);
                _last[replica.Id] = text;
            }
        }

        // A first rollout is what its replicas say.
        private void TraceRollouts(ClusterState state)
        {
            foreach (var service in state.Services.Values.Where(s => s.History.Count > 0 && !s.Removing))
            {
                var rollout = service.Rollout;
                var text = string.Create(CultureInfo.InvariantCulture, $"version {service.Version} {rollout.State}{(rollout.Held ? " held" : "")}")
                    + (rollout.Message.Length > 0 ? $" \"{rollout.Message}\"" : "");
                if (_last.GetValueOrDefault(service.Id + "!") != text)
                    Write(service.Name, text);
                _last[service.Id + "!"] = text;
            }
        }

        private void Write(string name, string text) =>
            _trace.Append(CultureInfo.InvariantCulture, $"  {(_cluster.NowMs - _startMs) / 1000.0,5:0.0} {name} {text}\n");

        private static string Describe(Replica r) =>
            $"{(r.NodeId.Length > 0 ? r.NodeId : "-")} {r.State()}"
            + (r.Desired == DesiredState.DesiredShutdown && r.IsLive() ? " (to stop)" : "")
            + (r.Spec.Container.Image == "app" ? "" : $" [{r.Spec.Container.Image}]")
            + (r.Message.Length > 0 ? $" \"{r.Message}\"" : "");

        /// <summary>"web.2#3": the third attempt at slot 2.</summary>
        private string NameOf(Replica replica)
        {
            if (_names.TryGetValue(replica.Id, out var known))
                return known;
            var slot = string.Create(CultureInfo.InvariantCulture, $"{replica.Service}.{replica.Slot}");
            _attempts[slot] = _attempts.GetValueOrDefault(slot) + 1;
            return _names[replica.Id] = string.Create(CultureInfo.InvariantCulture, $"{slot}#{_attempts[slot]}");
        }

        // "web,replicas=3,memory=512,image=app,restart=on-failure,needs=db:healthy,on=node.hostname==a,port=8080" and those of Policy
        private static ServiceSpec Service(string text)
        {
            var parts = text.Split(',');
            var o = Options(parts.Skip(1));
            var service = Specs.Service(parts[0], (int)Number(o, "replicas", 1), o.GetValueOrDefault("image", "app"));
            if (o.ContainsKey("global"))
                service.Mode = ServiceMode.Global;
            if (o.ContainsKey("cpus") || o.ContainsKey("memory"))
                service.Reserve(Number(o, "cpus", 0), Number(o, "memory", 0));
            if (o.TryGetValue("on", out var constraint))
                service.Constraints.Add(constraint);
            if (o.TryGetValue("port", out var port))
                service.Ports.Add(new PortSpec { Target = 80, Published = int.Parse(port, CultureInfo.InvariantCulture) });
            if (o.TryGetValue("needs", out var needs))
                service.DependsOn.Add(Need(needs.Split(':')));
            if (o.ContainsKey("onfail") || o.ContainsKey("order") || o.ContainsKey("par") || o.ContainsKey("canary"))
                service.Update = Policy(o);
            service.Restart = new()
            {
                Condition = o.GetValueOrDefault("restart") switch { "none" => RestartCondition.None, "on-failure" => RestartCondition.OnFailure, _ => RestartCondition.Any },
                MaxAttempts = (int)Number(o, "attempts", 0),
            };
            return service;
        }

        // "par=2,order=start,onfail=rollback,monitor=5,delay=2,ratio=30 (per cent),deadline=60,canary=1": times in seconds.
        private static RolloutPolicy Policy(Dictionary<string, string> o) => new()
        {
            Parallelism = (int)Number(o, "par", 1),
            Order = o.GetValueOrDefault("order") == "start" ? RolloutOrder.StartFirst : RolloutOrder.StopFirst,
            FailureAction = Enum.Parse<FailureAction>(o.GetValueOrDefault("onfail", "pause"), ignoreCase: true),
            MonitorMs = 1000 * Number(o, "monitor", 0),
            DelayMs = 1000 * Number(o, "delay", 0),
            MaxFailurePpm = (int)(10_000 * Number(o, "ratio", 0)),
            ProgressDeadlineMs = 1000 * Number(o, "deadline", 0),
            Canary = (int)Number(o, "canary", 0),
        };

        private static Dependency Need(string[] parts) => new()
        {
            Service = parts[0],
            Required = true,
            Condition = parts[1] switch
            {
                "healthy" => DependencyCondition.ServiceHealthy,
                "completed" => DependencyCondition.ServiceCompletedSuccessfully,
                _ => DependencyCondition.ServiceStarted,
            },
        };

        private static Dictionary<string, string> Options(IEnumerable<string> words) =>
            words.Select(w => w.Split('=', 2)).ToDictionary(w => w[0], w => w[1]);

        private static long Number(Dictionary<string, string> options, string name, long otherwise) =>
            options.TryGetValue(name, out var text) ? long.Parse(text, CultureInfo.InvariantCulture) : otherwise;
    }
}
