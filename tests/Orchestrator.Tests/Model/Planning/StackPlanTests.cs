using Google.Protobuf.Reflection;
using Orchestrator.Model;
using Orchestrator.Model.Planning;
using Xunit;

namespace Orchestrator.Tests.Model.Planning;

public sealed class StackPlanTests
{
    private readonly FakeCluster _cluster = new();

    public StackPlanTests()
    {
        _cluster.AddNode("a", labels: [KeyValuePair.Create("disk", "ssd")]);
        _cluster.Do(Specs.Put(Stack(Specs.Service("web", 2), Specs.Service("db"))));
        _cluster.Settle();
    }

    [Fact]
    public void A_new_stack_is_created_whole() => Assert.Equal(
        ["Create service web", "Create network default", "Create volume data"],
        Lines(Specs.Stack("new", Specs.Service("web")).With(s => s.Volumes.Add(new VolumeSpec { Name = "data" }))));

    [Fact]
    public void The_same_again_changes_nothing() =>
        Assert.Equal(["Unchanged service db", "Unchanged service web", "Unchanged network default"], Lines(Stack(Specs.Service("web", 2), Specs.Service("db"))));

    [Fact]
    public void What_the_container_sees_replaces_it() => Assert.Contains(
        "Replace service web: environment.MODE: (none) -> fast; image: app -> app2; replicas: 2 -> 3",
        Lines(Stack(Specs.Service("web", 3, "app2").With(s => s.Container.Environment["MODE"] = "fast"), Specs.Service("db"))));

    [Fact]
    public void The_rest_is_changed_in_place() => Assert.Contains(
        "Update service web: constraints: (none) -> node.labels.disk==ssd; ports: (none) -> 8080:80/tcp; replicas: 2 -> 5",
        Lines(Stack(Specs.Service("web", 5).With(s =>
        {
            s.Ports.Add(new PortSpec { Target = 80, Published = 8080 });
            s.Constraints.Add("node.labels.disk==ssd");
        }), Specs.Service("db"))));

    [Fact]
    public void A_constraint_that_moves_replicas_replaces_them() => Assert.Contains(
        "Replace service web: constraints: (none) -> node.hostname!=a",
        Lines(Stack(Specs.Service("web", 2).With(s => s.Constraints.Add("node.hostname!=a")), Specs.Service("db"))));

    [Fact]
    public void What_is_left_out_is_removed() => Assert.Equal(
        ["Remove service db", "Unchanged service web", "Create network back", "Remove network default"],
        Lines(new StackSpec
        {
            Name = "shop",
            Services = { Specs.Service("web", 2).With(s => s.Networks.Add(new NetworkAttachment { Network = "default" })) },
            Networks = { new NetworkSpec { Name = "back" } },
        }));

    /// <summary>A field of the spec that the plan does not know would change without a word.</summary>
    [Fact]
    public void Every_field_shows_when_it_changes()
    {
        var everything = new ServiceSpec
        {
            Name = "web",
            Replicas = 7,
            Container = new()
            {
                Image = "i", Entrypoint = { "e" }, EntrypointSet = true, Command = { "c" }, CommandSet = true, Environment = { ["K"] = "V" },
                WorkingDir = "/w", User = "u", Hostname = "h", Mounts = { new MountSpec { Target = "/m" } }, Healthcheck = new() { Test = { "CMD", "t" } },
                StopSignal = "SIGINT", StopGracePeriodMs = 5, Labels = { ["K"] = "V" }, CapAdd = { "ALL" }, CapDrop = { "ALL" }, ReadOnly = true, Init = true,
                Privileged = true, Ulimits = { new Ulimit { Name = "nofile" } }, Sysctls = { ["K"] = "V" }, Devices = { new Device { Source = "/dev/a" } },
                GroupAdd = { "g" }, ShmSizeBytes = 1, ExtraHosts = { "a:1" }, Dns = { "d" }, DnsSearch = { "s" }, DnsOptions = { "o" },
                SecurityOptions = { "no-new-privileges" }, Tty = true, StdinOpen = true, Domainname = "d", OomScoreAdj = 1, PidMode = "host", IpcMode = "host",
                PullPolicy = "never", Log = new() { MaxFiles = 2 }, Annotations = { ["K"] = "V" }, CgroupMode = "host", UtsMode = "host", DeviceRules = { "a *:* r" },
            },
            Ports = { new PortSpec { Target = 1 } },
            Networks = { new NetworkAttachment { Network = "n" } },
            NetworkMode = "host",
            DependsOn = { new Dependency { Service = "s" } },
            Limits = new() { Pids = 1 },
            Reservations = new() { Pids = 1 },
            Constraints = { "node.id==a" },
            Restart = new(),
            Mode = ServiceMode.Global,
            Update = new(),
            Rollback = new(),
            Labels = { ["K"] = "V" },
            Platform = "linux/amd64",
            Spread = { "node.labels.zone" }, MaxReplicasPerNode = 1, Affinity = { "a" }, AntiAffinity = { "b" }, Strategy = PlacementStrategy.Binpack, Priority = 1,
        };
        var shown = ServiceFields.Differences(new ServiceSpec { Name = "web", Container = new() }, everything);
        var fields = ServiceSpec.Descriptor.Fields.InDeclarationOrder().Count - 2 + ContainerSpec.Descriptor.Fields.InDeclarationOrder().Count - 3;
        Assert.Equal(fields, shown.Count);
    }

    [Fact]
    public void Every_resource_shows_when_it_changes()
    {
        foreach (var field in Resources.Descriptor.Fields.InDeclarationOrder())
        {
            var changed = new ServiceSpec { Name = "web", Container = new(), Limits = new() };
            if (field.IsMap)
                changed.Limits.Generic["gpu"] = 1;
            else
                field.Accessor.SetValue(changed.Limits, field.FieldType switch
                {
                    FieldType.String => "0",
                    FieldType.Int32 => 10,
                    _ => (object)10L,
                });
            Assert.StartsWith("limits: (none) -> ", Assert.Single(ServiceFields.Differences(new ServiceSpec { Name = "web", Container = new() }, changed)), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_pull_policy_alone_replaces_nothing() => Assert.Contains(
        "Update service web: pull_policy: (none) -> never",
        Lines(Stack(Specs.Service("web", 2).With(s => s.Container.PullPolicy = "never"), Specs.Service("db"))));

    private static StackSpec Stack(params IEnumerable<ServiceSpec> services) => Specs.Stack("shop", services);

    private List<string> Lines(StackSpec spec) => StackPlan.Compute(_cluster.State, spec)
        .Select(a => $"{a.Verb} {a.Kind} {a.Name}" + (a.Fields.Count > 0 ? ": " + string.Join("; ", a.Fields) : "")).ToList();
}
