using System.Collections.Immutable;
using CsCheck;
using Orchestrator.Model;
using Orchestrator.Model.Reconciling;
using Xunit;

namespace Orchestrator.Tests.Model.Reconciling;

/// <summary>Whatever happens to a cluster, and in whatever order: the laws hold after every change, and once the trouble is over exactly what
/// was asked for runs. (FakeCluster itself checks that a second round at the same time finds nothing to do.)</summary>
public sealed class ConvergenceTests
{
    private static readonly string[] s_nodes = ["a", "b", "c", "d"];
    private static readonly string[] s_images = ["app", "app", "app", "next", "bad", "stuck"];

    private enum Event { Step, Wait, Crash, Complete, Cut, Return, Drain, Activate, Scale, Apply, RemoveService, RemoveStack, Label, Steer }

    private static readonly Gen<(Event Event, int Which, int HowMany)[]> s_story =
        Gen.Select(Gen.Int[0, 22].Select(e => e >= 12 ? e >= 21 ? Event.Steer : e >= 19 ? Event.Label : (Event)(e % 4) : (Event)e), Gen.Int[0, 1000], Gen.Int[0, 12]).Array[1, 40];

    [Fact]
    public void In_the_end_exactly_the_asked_number_runs() =>
        s_story.Sample(story =>
        {
            var cluster = Start();
            foreach (var (happening, which, howMany) in story)
                Happen(cluster, happening, which, howMany);
            Calm(cluster);
            Laws.CheckEnd(cluster);
        }, iter: 200);

    [Fact]
    public void The_same_changes_give_the_same_bytes_and_so_does_a_snapshot_in_between() =>
        Gen.Select(s_story, Gen.Int[0, 1000]).Sample((story, cut) =>
        {
            var cluster = Start();
            foreach (var (happening, which, howMany) in story)
                Happen(cluster, happening, which, howMany);
            Assert.Equal(cluster.State.Digest(), Replay(cluster.Log, -1).Digest());
            Assert.Equal(cluster.State.ToBytes(), Replay(cluster.Log, cut % cluster.Log.Count).ToBytes());
        }, iter: 100);

    [Fact]
    public void What_the_state_remembers_for_speed_changes_no_decision() =>
        s_story.Sample(story =>
        {
            var cluster = Start();
            cluster.Applied += state => Assert.Equal(
                Reconciler.Reconcile(Forgetful(state), cluster.NowMs, 7).Operations, Reconciler.Reconcile(state, cluster.NowMs, 7).Operations);
            foreach (var (happening, which, howMany) in story)
                Happen(cluster, happening, which, howMany);
        }, iter: 50);

    /// <summary>The same state, but every slot is to be looked at.</summary>
    private static ClusterState Forgetful(ClusterState state) => new()
    {
        Revision = state.Revision,
        Cluster = state.Cluster,
        Stacks = state.Stacks,
        Services = state.Services,
        Networks = state.Networks,
        Nodes = state.Nodes,
        Replicas = state.Replicas,
        ByNode = state.ByNode,
        Ranking = state.Ranking,
        Unsettled = state.Unsettled.Union(state.Services.Keys),
        ByService = state.ByService.ToImmutableSortedDictionary(
            s => s.Key, s => s.Value.Slots.Keys.Aggregate(s.Value, (replicas, slot) => replicas.Settle(slot, settled: false)), StringComparer.Ordinal),
    };

    private static FakeCluster Start()
    {
        var cluster = new FakeCluster();
        cluster.Applied += new Laws().Check;
        foreach (var node in s_nodes)
            cluster.AddNode(node, cpus: 4, memoryMiB: 4096);
        return cluster;
    }

    private static void Happen(FakeCluster cluster, Event happening, int which, int howMany)
    {
        var node = s_nodes[which % s_nodes.Length];
        var services = cluster.State.Services.Values.Where(s => !s.Removing).ToList();
        var service = services.Count > 0 ? services[which % services.Count] : null;
        switch (happening)
        {
            case Event.Step: cluster.Step(); break;
            case Event.Wait: Wait(cluster, howMany * 10); break;
            case Event.Crash: End(cluster, which, 1); break;
            case Event.Complete: End(cluster, which, 0); break;
            case Event.Cut: cluster.Cut(node); break;
            case Event.Return: cluster.Return(node); break;
            case Event.Drain: cluster.Drain(node); break;
            case Event.Activate: cluster.Drain(node, Availability.Active); break;
            case Event.Scale when service is { Spec.Mode: ServiceMode.Replicated }: cluster.Do(Specs.Scale(service.Id, howMany)); break;
            case Event.Apply: cluster.Do(Specs.Put(Spec(which, howMany))); break;
            case Event.RemoveService when service is not null: cluster.Do(new Operation { RemoveService = new() { ServiceId = service.Id } }); break;
            case Event.RemoveStack when cluster.State.Stacks.ContainsKey("shop"): cluster.Do(new Operation { RemoveStack = new() { Name = "shop" } }); break;
            case Event.Steer when service is not null:
                // May be refused: nothing may be under way.
                cluster.Propose(new Operation { SteerRollout = new() { ServiceId = service.Id, Verb = (RolloutVerb)(howMany % 5), ToVersion = which % 3 } });
                break;
            case Event.Label:
                cluster.Do(new Operation { UpdateNode = new() { NodeId = node, SetLabels = { ["zone"] = howMany > 6 ? "x" : "y" } } });
                break;
        }
    }

    private static void Wait(FakeCluster cluster, int steps)
    {
        for (var i = 0; i < steps; i++)
            cluster.Step();
    }

    private static void End(FakeCluster cluster, int which, int exitCode)
    {
        var running = cluster.State.Replicas.Values.Where(r => r.State() == ReplicaState.Running).ToList();
        if (running.Count > 0)
            cluster.End(running[which % running.Count], exitCode);
    }

    private static StackSpec Spec(int which, int howMany)
    {
        var web = Specs.Service("web", howMany, s_images[which % s_images.Length]).Reserve(0.25 * (which % 3), 100 * (which % 5));
        var db = Specs.Service("db", 1 + howMany % 2);
        web.Update = which % 3 == 0 ? null : Policy(which);
        if (which % 7 == 0)
            web.DependsOn.Add(new Dependency { Service = "db", Required = true, Condition = DependencyCondition.ServiceHealthy });
        if (which % 11 == 0)
            db.Mode = ServiceMode.Global;
        if (which % 5 == 0)
            db.Constraints.Add("node.labels.zone!=y");
        if (which % 3 == 0)
            web.Spread.Add("node.labels.zone");
        if (which % 11 == 0)
            db.AntiAffinity.Add("db");
        if (which % 10 == 0)
            web.With(s => s.Affinity.Add("db")).Reserve(0, 0);
        if (which % 9 == 0)
            web.With(s => s.MaxReplicasPerNode = 3);
        return which % 4 == 0 ? Specs.Stack("shop", db) : which % 7 == 0 || which % 2 == 0 ? Specs.Stack("shop", web, db) : Specs.Stack("shop", web);
    }

    private static RolloutPolicy Policy(int which) => new()
    {
        Parallelism = which % 4,
        FailureAction = (FailureAction)(which / 3 % 3),
        Order = (RolloutOrder)(which / 2 % 2),
        DelayMs = which % 5 == 0 ? 1500 : 0,
        MonitorMs = which % 6 == 0 ? 2000 : 0,
        MaxFailurePpm = which % 8 == 0 ? 300_000 : 0,
        ProgressDeadlineMs = which % 9 == 0 ? 5000 : 0,
        Canary = which % 10 == 0 ? 1 : 0,
    };

    /// <summary>The trouble ends: all nodes are back and open, and whoever made an image that cannot run ships one that can.</summary>
    private static void Calm(FakeCluster cluster)
    {
        foreach (var node in s_nodes)
        {
            cluster.Return(node);
            cluster.Drain(node, Availability.Active);
            cluster.Do(new Operation { UpdateNode = new() { NodeId = node, SetLabels = { ["zone"] = "x" } } });
        }
        if (cluster.State.Stacks.GetValueOrDefault("shop") is { } stack)
        {
            var spec = stack.Spec.Clone();
            foreach (var service in spec.Services.Where(s => s.Container.Image is "bad" or "stuck"))
                service.Container.Image = "mended";
            cluster.Do(Specs.Put(spec));
        }
        // What is held back goes on with what it has, which may crash for ever.
        for (var i = 0; i < 20; i++)
        {
            Wait(cluster, 30);
            Steered(cluster);
        }
        cluster.Settle(patienceMs: 200_000);
        while (Steered(cluster))
            cluster.Settle(patienceMs: 200_000);
    }

    /// <summary>Somebody lets go on what waits for a word.</summary>
    private static bool Steered(FakeCluster cluster)
    {
        var waiting = cluster.State.Services.Values.Where(s => s.Rollout is { Held: true } or { State: RolloutState.RolloutCanary }).ToList();
        foreach (var service in waiting)
        {
            var verb = service.Rollout.State == RolloutState.RolloutCanary ? RolloutVerb.RolloutPromote : RolloutVerb.RolloutResume;
            cluster.Do(new Operation { SteerRollout = new() { ServiceId = service.Id, Verb = verb } });
        }
        return waiting.Count > 0;
    }

    private static ClusterState Replay(List<Change> log, int snapshotAfter)
    {
        var state = ClusterState.Empty;
        for (var i = 0; i < log.Count; i++)
        {
            (state, _) = state.Apply(Change.Parser.ParseFrom(Google.Protobuf.MessageExtensions.ToByteArray(log[i])), state.Revision + 1, 1);
            if (i == snapshotAfter)
                state = ClusterState.FromSnapshot(StateSnapshot.Parser.ParseFrom(state.ToBytes()));
        }
        return state;
    }
}
