using Orchestrator.Model;
using Orchestrator.Model.Validation;
using Xunit;

namespace Orchestrator.Tests.Model.Validation;

/// <summary>One sentence for each mistake: object, field, what would be accepted.</summary>
public sealed class StackValidationTests
{
    private readonly FakeCluster _cluster = new();

    [Fact]
    public void A_good_stack_has_no_errors() => Assert.Empty(Validate(Good()));

    [Fact]
    public void Names()
    {
        Says("stack: name is 'my shop'; it must be 1 to 63 letters, digits, '-' or '_'", s => s.Name = "my shop");
        Says("stack: name is ''", s => s.Name = "");
        Says("service '-web': a name must be", s => s.Services[0].Name = "-web");
        Says("service 'a.b': a name must be", s => s.Services[0].Name = "a.b");
        Says("there are 2 of this name; names must differ in more than case", s => s.Services.Add(Specs.Service("WEB")));
        Says("network '': a name must be", s => s.Networks.Add(new NetworkSpec()));
        Says("volume data: there are 2 of this name", s => s.Volumes.Add(new VolumeSpec { Name = "data" }));
        Says($"service '{new string('x', 64)}'", s => s.Services[0].Name = new string('x', 64));
        Assert.Empty(Validate(Good(s => s.Name = "my_shop")));
        Says("it has 1002 services; it may have up to 1000", s => s.Services.AddRange(Enumerable.Range(0, 1000).Select(i => Specs.Service($"s{i}"))));
    }

    [Fact]
    public void Replicas_image_and_platform()
    {
        Web("replicas is -1; it must be 0 to 10000", s => s.Replicas = -1);
        Web("replicas is 10001; it must be 0 to 10000", s => s.Replicas = 10_001);
        Web("image is empty; name an image", s => s.Container.Image = " ");
        Web("image is empty", s => s.Container = null);
        Web("platform is 'arm64'; it must be OS/ARCHITECTURE", s => s.Platform = "arm64");
    }

    [Fact]
    public void Ports()
    {
        Web("port target is 0; it must be 1 to 65535", s => s.Ports.Add(new PortSpec()));
        Web("published port is 70000; it must be 1 to 65535", s => s.Ports.Add(new PortSpec { Target = 1, Published = 70_000 }));
        Web("port 80/tcp is already published by service web", s => s.Ports.AddRange([Port(80), Port(80)]));
        Says("service db: port 80/tcp is already published by service web; publish another port", s =>
        {
            s.Services[0].Ports.Add(Port(80));
            s.Services[1].Ports.Add(Port(80));
        });
        Assert.Empty(Validate(Good(s => s.Services[0].Ports.AddRange([Port(80), new PortSpec { Target = 80, Published = 80, Protocol = Protocol.Udp }]))));
        Assert.Empty(Validate(Good(s => s.Services[0].Ports.AddRange([Port(80, "127.0.0.1"), Port(80, "127.0.0.2")]))));
    }

    [Fact]
    public void What_is_referred_to_must_be_defined()
    {
        Web("network 'front' is not defined; the stack's networks are: default", s => s.Networks.Add(new NetworkAttachment { Network = "front" }));
        Web("network default is listed 2 times", s => s.Networks.Add(new NetworkAttachment { Network = "default" }));
        Web("network alias 'a b' is no host name", s => s.Networks[0].Aliases.Add("a b"));
        Web("volume 'cache' is not defined; the stack's volumes are: data", s => s.Container.Mounts.Add(new MountSpec { Source = "cache", Target = "/c" }));
        Web("depends_on 'cache' is not defined; the stack's services are: db", s => s.DependsOn.Add(new Dependency { Service = "cache" }));
        Says("depends_on: web -> db -> web is a cycle", s =>
        {
            s.Services[0].DependsOn.Add(new Dependency { Service = "db" });
            s.Services[1].DependsOn.Add(new Dependency { Service = "web" });
        });
        Says("depends_on: web -> web is a cycle", s => s.Services[0].DependsOn.Add(new Dependency { Service = "web" }));
    }

    [Fact]
    public void Mounts()
    {
        Web("mount target is 'c'; it must be an absolute path", s => s.Container.Mounts.Add(new MountSpec { Source = "data", Target = "c" }));
        Web("bind mount source is './x'; it must be an absolute path", s => s.Container.Mounts.Add(new MountSpec { Type = MountType.Bind, Source = "./x", Target = "/c" }));
        Web("2 mounts have the target /d", s => s.Container.Mounts.AddRange([new MountSpec { Source = "data", Target = "/d" }, new MountSpec { Target = "/d" }]));
        Web("tmpfs size is -1", s => s.Container.Mounts.Add(new MountSpec { Type = MountType.Tmpfs, Target = "/t", TmpfsSizeBytes = -1 }));
    }

    [Fact]
    public void Resources()
    {
        Web("memory limit is -1; it must be 0 (unset) or more", s => s.Limits = new() { MemoryBytes = -1 });
        Web("reserves 2 GiB but is limited to 1 GiB", s => s.Reserve(0, 2048).Limits = new() { MemoryBytes = 1 << 30 });
        Web("reserves 1.5 cpus but is limited to 1 cpus", s => s.Reserve(1.5, 0).Limits = new() { NanoCpus = 1_000_000_000 });
        Assert.Empty(Validate(Good(s => s.Services[0].Reserve(64, 0))));
        _cluster.AddNode("a", cpus: 4, memoryMiB: 1024);
        _cluster.AddNode("b", cpus: 2, memoryMiB: 8192);
        Web("reserves 64 cpus, but the largest node (a) has 4 cpus", s => s.Reserve(64, 0));
        Web("reserves 16 GiB, but the largest node (b) has 8 GiB", s => s.Reserve(0, 16384));
    }

    [Fact]
    public void Durations_and_constraints()
    {
        Web("stop_grace_period is -1; it must be 0 or more", s => s.Container.StopGracePeriodMs = -1);
        Web("restart delay is -5; it must be 0 or more", s => s.Restart = new() { DelayMs = -5 });
        Web("healthcheck retries is -3; it must be 0 or more", s => s.Container.Healthcheck = new() { Retries = -3 });
        Web("constraint 'engine.labels.a==b' is not understood; it must be node.id", s => s.Constraints.Add("engine.labels.a==b"));
    }

    [Fact]
    public void Modes()
    {
        Web("network mode is 'service:db'; it must be host, none or left out", s => s.NetworkMode = "service:db");
        Web("network mode host excludes networks", s => s.NetworkMode = "host");
        Web("network mode none excludes published ports", s =>
        {
            s.NetworkMode = "none";
            s.Ports.Add(Port(80));
        });
        Web("pid mode is 'container:x'; it must be host or left out", s => s.Container.PidMode = "container:x");
        Web("ipc mode is 'x'", s => s.Container.IpcMode = "x");
        Web("cgroup mode is 'x'", s => s.Container.CgroupMode = "x");
        Web("uts mode is 'x'", s => s.Container.UtsMode = "x");
        Web("dns_search has 'a b'; it must be one word", s => s.Container.DnsSearch.Add("a b"));
        Web("dns_opt has ''; it must be one word", s => s.Container.DnsOptions.Add(""));
        Web("it must be one word without spaces", s => s.Container.ExtraHosts.Add("a\n10.0.0.9 b:10.0.0.1"));
        Web("pull policy is 'always'; it must be never or left out", s => s.Container.PullPolicy = "always");
        Assert.Empty(Validate(Good(s =>
        {
            s.Services[0].NetworkMode = "host";
            s.Services[0].Networks.Clear();
        })));
    }

    /// <summary>Its name is its own, not that under which the stack declares it.</summary>
    [Fact]
    public void A_volume_that_exists_has_a_name_of_its_own() => Assert.Empty(Validate(Good(s =>
    {
        s.Volumes.Add(new VolumeSpec { Name = "shared", ExternalName = "the-shared-one" });
        s.Services[0].Container.Mounts.Add(new MountSpec { Target = "/x", Source = "the-shared-one", External = true });
    })));

    [Fact]
    public void Rollouts()
    {
        Web("update parallelism is -1; it must be 0 (all) or more", s => s.Update = new() { Parallelism = -1 });
        Web("update max_failure_ratio is 1.5; it must be 0 to 1", s => s.Update = new() { MaxFailurePpm = 1_500_000 });
        Web("update canary is -2; it must be 0 (none) or more", s => s.Update = new() { Canary = -2 });
        Web("rollback delay is -5; it must be 0 or more", s => s.Rollback = new() { DelayMs = -5 });
        Web("rollback failure_action is rollback; it must be pause or continue", s => s.Rollback = new() { FailureAction = FailureAction.Rollback });
        Web("mode 9 is unknown; it must be replicated or global", s => s.Mode = (ServiceMode)9);
    }

    [Fact]
    public void Placement()
    {
        Web("preference spread 'engine.labels.a' is not understood; it must be node.id", s => s.Spread.Add("engine.labels.a"));
        Web("max_replicas_per_node is -1; it must be 0 (no limit) or more", s => s.MaxReplicasPerNode = -1);
        Web("priority is 1001; it must be -1000 to 1000", s => s.Priority = 1001);
        Web("strategy 7 is unknown; it must be spread or binpack", s => s.Strategy = (PlacementStrategy)7);
        Web("strategy binpack fills nodes up by what is reserved; reserve cpus or memory", s => s.Strategy = PlacementStrategy.Binpack);
        Web("x-orc-affinity 'cache' is not defined; the stack's services are: web, db", s => s.Affinity.Add("cache"));
        Web("x-orc-anti-affinity 'cache' is not defined", s => s.AntiAffinity.Add("cache"));
        Web("x-orc-affinity and x-orc-anti-affinity both name db; keep one", s =>
        {
            s.Affinity.Add("db");
            s.AntiAffinity.Add("db");
        });
        Web("x-orc-affinity names db, which keeps away from web (x-orc-anti-affinity); keep one", s => s.Affinity.Add("db"), db => db.AntiAffinity.Add("web"));
        Says("x-orc-affinity: web -> db -> web is a cycle", s =>
        {
            s.Services[0].Affinity.Add("db");
            s.Services[1].Affinity.Add("web");
        });
        Assert.Empty(Validate(Good(s => s.Services[0].Affinity.Add("web"))));
    }

    [Fact]
    public void Generic_resources()
    {
        Web("generic resource 'a b' is no name", s => s.Reservations = new() { Generic = { ["a b"] = 1 } });
        Web("reserves 0 gpu; it must be 1 or more", s => s.Reservations = new() { Generic = { ["gpu"] = 0 } });
        Web("generic resources belong under reservations; they have no limits", s => s.Limits = new() { Generic = { ["gpu"] = 1 } });
        Assert.Empty(Validate(Good(s => s.Services[0].Reservations = new() { Generic = { ["gpu"] = 2 } })));
        _cluster.Do(new Operation { PutNode = new() { Id = "a", Description = Specs.Node(1, 1024).With(d => d.GenericResources["gpu"] = 1) } });
        Web("reserves 2 gpu, but no node has more than 1; say what a node has with orcd agent --resource gpu=N", s => s.Reservations = new() { Generic = { ["gpu"] = 2 } });
    }

    [Theory]
    [InlineData("10.50.0.0/24")]
    [InlineData("10.50.1.0/16")]
    [InlineData("10.500.0.0/16")]
    [InlineData("fd00::/16")]
    [InlineData("/16")]
    [InlineData("x")]
    public void Subnets(string subnet) =>
        Says($"network default: subnet is '{subnet}'; it must be an IPv4 /16 such as 10.50.0.0/16", s => s.Networks[0].Subnet = subnet);

    [Fact]
    public void Subnets_of_one_stack_differ() => Says("subnet 10.50.0.0/16 is written 2 times", s =>
    {
        s.Networks[0].Subnet = "10.50.0.0/16";
        s.Networks.Add(new NetworkSpec { Name = "back", Subnet = "10.50.0.0/16" });
    });

    [Fact]
    public void What_the_cluster_would_refuse_is_said_beforehand()
    {
        _cluster.Do(Specs.Put(Specs.Stack("other", Specs.Service("proxy").With(s => s.Ports.Add(Port(80))))));
        Web("port 80/tcp is already published by service proxy of stack other", s => s.Ports.Add(Port(80)));
    }

    [Fact]
    public void All_mistakes_are_said_at_once() => Assert.Equal(3, Validate(Good(s =>
    {
        s.Services[0].Replicas = -1;
        s.Services[0].Container.Image = "";
        s.Services[1].Constraints.Add("x");
    })).Count);

    private static PortSpec Port(int published, string hostIp = "") => new() { Target = 80, Published = published, HostIp = hostIp };

    private static StackSpec Good(Action<StackSpec>? change = null)
    {
        var stack = Specs.Stack("shop", Specs.Service("web", 3), Specs.Service("db"));
        stack.Volumes.Add(new VolumeSpec { Name = "data" });
        change?.Invoke(stack);
        return stack;
    }

    private IReadOnlyList<string> Validate(StackSpec spec) => StackValidation.Validate(spec, _cluster.State);

    private void Says(string expected, Action<StackSpec> change) =>
        Assert.Contains(Validate(Good(change)), e => e.Contains(expected, StringComparison.Ordinal));

    private void Web(string expected, Action<ServiceSpec> change, Action<ServiceSpec>? changeDb = null) => Says(expected, s =>
    {
        change(s.Services[0]);
        changeDb?.Invoke(s.Services[1]);
    });
}
