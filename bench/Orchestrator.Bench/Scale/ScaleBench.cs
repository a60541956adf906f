using System.Globalization;
using Orchestrator.Model;

namespace Orchestrator.Bench.Scale;

/// <summary>What size costs: placements per second, one change in a small and in a large cluster, memory, bytes, and a million containers.</summary>
internal sealed class ScaleBench(int nodes)
{
    public int Run(int containers)
    {
        Console.WriteLine(Text($"{nodes} nodes; CPU time of the model alone (no disks, no network)"));
        PlaceOne("warm-up", _ => { }, services: 50);
        PlaceOne("plain", _ => { }, services: 100);
        PlaceOne("one replica a service", s => s.Replicas = 1, services: 2000, perStack: 500);
        PlaceOne("anti-affinity to itself", s => s.AntiAffinity.Add(s.Name), services: 20, replicas: nodes);
        PlaceOne("anti-affinity to another", s => s.AntiAffinity.Add(s.Name[..^1] + (s.Name[^1] is '0' ? '1' : '0')), services: 100, replicas: 200);
        PlaceOne("spread over zones", s => s.Spread.Add("node.labels.zone"), services: 100);
        PlaceOne("constrained", s => s.Constraints.Add("node.labels.class==c1"), services: 100);
        OneChange();
        if (containers > 0)
            Million(containers);
        return 0;
    }

    private void PlaceOne(string what, Action<ServiceSpec> change, int services, int replicas = 1000, int perStack = 50)
    {
        var cluster = new LargeCluster(nodes);
        Put(cluster, services, perStack, replicas, change);
        var (reconciling, applying, bytes, gc) = (cluster.Reconciling, cluster.Applying, cluster.Bytes, GC.GetTotalPauseDuration());
        cluster.Reconcile();
        gc = GC.GetTotalPauseDuration() - gc;
        var placed = cluster.State.Replicas.Values.Count(r => r.NodeId.Length > 0);
        reconciling = cluster.Reconciling - reconciling;
        applying = cluster.Applying - applying;
        Console.WriteLine(Text($"place, {what}: {placed} replicas of {services} services, {cluster.Rounds} rounds: ")
            + Text($"decided {placed / reconciling.TotalSeconds:0}/s, decided and applied {placed / (reconciling + applying).TotalSeconds:0}/s, ")
            + Text($"{(cluster.Bytes - bytes) / (double)placed:0} bytes a replica, gc {gc.TotalMilliseconds:0} of {(reconciling + applying).TotalMilliseconds:0} ms"));
    }

    private void OneChange()
    {
        var small = Filled(15);
        var before = GC.GetTotalMemory(true);
        var large = Filled(1500);
        var after = GC.GetTotalMemory(true);
        Console.WriteLine(Text($"memory: {(after - before) / (double)large.State.Replicas.Count:0} bytes a replica ({large.State.Replicas.Count} running replicas)"));
        var (ofSmall, ofLarge) = (new List<double>(), new List<double>());
        for (var i = 0; i < 200; i++)
        {
            ofSmall.Add(Change(small, i));
            ofLarge.Add(Change(large, i));
        }
        Console.WriteLine(Text($"one change (scale up by one: apply, place, apply, report, look): {Median(ofSmall):0.000} ms at {small.State.Replicas.Count} replicas, ")
            + Text($"{Median(ofLarge):0.000} ms at {large.State.Replicas.Count}: {Median(ofLarge) / Median(ofSmall):0.00} times"));
        Console.WriteLine(Text($"idle round: {Idle(small):0.0000} ms, {Idle(large):0.0000} ms"));
        GC.KeepAlive(small);
    }

    private LargeCluster Filled(int services)
    {
        var cluster = new LargeCluster(nodes);
        Put(cluster, services, 50, 100, _ => { });
        cluster.Settle();
        return cluster;
    }

    private static double Change(LargeCluster cluster, int i)
    {
        var services = cluster.State.Services.Values.ToList();
        var service = services[i * 7 % services.Count];
        var scale = new Operation { ScaleService = new() { ServiceId = service.Id, Replicas = service.Spec.Replicas + 1 } };
        var (reconciling, applying) = (cluster.Reconciling, cluster.Applying);
        cluster.Do(scale);
        cluster.Reconcile();
        cluster.Report();
        cluster.Reconcile();
        return (cluster.Reconciling - reconciling + cluster.Applying - applying).TotalMilliseconds;
    }

    private static double Idle(LargeCluster cluster)
    {
        var (before, times) = (cluster.Reconciling, 100);
        for (var i = 0; i < times; i++)
            cluster.Reconcile();
        return (cluster.Reconciling - before).TotalMilliseconds / times;
    }

    private void Million(int containers)
    {
        var services = Math.Max(1, containers / 1000);
        var before = GC.GetTotalMemory(true);
        var started = Environment.CpuUsage.TotalTime;
        var cluster = new LargeCluster(nodes);
        Put(cluster, services, 20, 1000, s => s.Constraints.Add("node.labels.class!=c3"));
        cluster.Settle();
        var took = Environment.CpuUsage.TotalTime - started;
        var running = cluster.State.Replicas.Values.Count(r => r.Observed.State == ReplicaState.Running);
        var memory = GC.GetTotalMemory(true) - before;
        Console.WriteLine(Text($"{running} containers in {services} jobs running: {took.TotalSeconds:0.0} s, {running / took.TotalSeconds:0}/s; ")
            + Text($"deciding {cluster.Reconciling.TotalSeconds:0.0} s, applying {cluster.Applying.TotalSeconds:0.0} s, {cluster.Rounds} rounds, ")
            + Text($"{cluster.Bytes / (double)running:0} bytes of changes and {memory / (double)running:0} bytes of memory a container"));
        GC.KeepAlive(cluster);
    }

    private static void Put(LargeCluster cluster, int services, int perStack, int replicas, Action<ServiceSpec> change)
    {
        foreach (var (number, stack) in Enumerable.Range(0, services).Chunk(perStack).Index())
        {
            var spec = new StackSpec { Name = Text($"stack{number}"), Networks = { new NetworkSpec { Name = "default" } } };
            spec.Services.AddRange(stack.Select(i => Service(i, replicas, change)));
            cluster.Do(new Operation { PutStack = new() { Spec = spec } });
        }
    }

    private static ServiceSpec Service(int i, int replicas, Action<ServiceSpec> change)
    {
        var service = new ServiceSpec
        {
            Name = Text($"job{i}"),
            Replicas = replicas,
            Container = new() { Image = "registry.example.org/team/app:1.2.3", Environment = { ["MODE"] = "production" } },
            Reservations = new() { NanoCpus = 100_000_000, MemoryBytes = 64 << 20 },
            Networks = { new NetworkAttachment { Network = "default" } },
        };
        change(service);
        return service;
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
