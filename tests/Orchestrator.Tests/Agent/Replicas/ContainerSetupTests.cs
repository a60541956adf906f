using System.Net;
using System.Text.Json;
using Google.Protobuf.Reflection;
using Orchestrator.Agent.Local;
using Orchestrator.Agent.Replicas;
using Orchestrator.Engine.Containers;
using Orchestrator.Engine.Images;
using Orchestrator.Engine.Networks;
using Orchestrator.Model;
using Orchestrator.Oci;
using Orchestrator.Tests.Engine.Containers;
using Xunit;

namespace Orchestrator.Tests.Agent.Replicas;

/// <summary>What of a service's spec reaches its containers.</summary>
public sealed class ContainerSetupTests
{
    private static readonly StoredImage s_image = new(
        Orchestrator.Oci.Digest.Parse("sha256:" + new string('a', 64)), Orchestrator.Oci.Digest.Parse("sha256:" + new string('b', 64)),
        new ImageConfig { Architecture = "amd64", Os = "linux", RootFs = new RootFs { DiffIds = [] } }, ["/layer"], []);

    private static readonly Attachment s_attachment = new("r1", "/run/netns/r1", new Dictionary<string, IPAddress> { ["shop_default"] = IPAddress.Parse("10.0.16.2") }, IPAddress.Parse("10.0.16.1"));

    // The image is chosen before, its health is checked by the agent, and the grace is the stop's.
    private static readonly string[] s_elsewhere = ["image", "image_digest", "healthcheck", "stop_grace_period_ms", "pull_policy", "dns", "entrypoint_set", "command_set"];

    private static readonly Dictionary<string, object> s_values = new()
    {
        ["mounts"] = new MountSpec { Target = "/m" }, ["ulimits"] = new Ulimit { Name = "nofile", Soft = 1, Hard = 2 },
        ["devices"] = new Device { Source = "/dev/null", Target = "/dev/x", Permissions = "r" }, ["extra_hosts"] = "a:10.1.2.3", ["security_options"] = "seccomp=unconfined",
        ["log"] = new LogOptions { MaxFiles = 7 }, ["pid_mode"] = "host", ["ipc_mode"] = "host", ["cgroup_mode"] = "host", ["uts_mode"] = "host",
    };

    public static TheoryData<string> ContainerFields { get; } = [.. ContainerSpec.Descriptor.Fields.InDeclarationOrder().Select(f => f.Name).Except(s_elsewhere)];

    // Generic resources are counted when a node is chosen.
    public static TheoryData<string> LimitFields { get; } = [.. Resources.Descriptor.Fields.InDeclarationOrder().Select(f => f.Name).Except(["generic"])];

    [Fact]
    public void On_a_cluster_network_the_name_of_the_node_is_not_given_its_address()
    {
        Assert.DoesNotContain(Of(new ServiceSpec { Container = new() { UtsMode = "host" } }).Hosts, h => h.Name.Length == 0);
        Assert.Contains(Of(new ServiceSpec { Container = new() { Hostname = "web" } }).Hosts, h => h.Name == "web");
    }

    /// <summary>A field that is added to the spec and forgotten here would be dropped in silence.</summary>
    [Theory]
    [MemberData(nameof(ContainerFields))]
    public void Every_field_of_the_container_reaches_it(string name)
    {
        var spec = new ContainerSpec();
        Set(spec, ContainerSpec.Descriptor.FindFieldByName(name));
        Assert.NotEqual(Text(Of(new ServiceSpec { Container = new() })), Text(Of(new ServiceSpec { Container = spec })));
        var local = new LocalRecord { Id = new string('c', 64), Spec = new LocalSpec { Container = spec } };
        // Of a container of this machine the log stands beside its spec.
        if (name != "log")
            Assert.NotEqual(Text(LocalSetup.Of(new LocalRecord { Id = local.Id, Spec = new LocalSpec { Container = new() } }, s_image, s_attachment)), Text(LocalSetup.Of(local, s_image, s_attachment)));
    }

    [Theory]
    [MemberData(nameof(LimitFields))]
    public void Every_limit_reaches_it(string name)
    {
        var limits = new Resources();
        Set(limits, Resources.Descriptor.FindFieldByName(name));
        Assert.NotEqual(new ContainerLimits(), Of(new ServiceSpec { Container = new(), Limits = limits }).Limits);
    }

    [Fact]
    public void Reserved_memory_is_kept_when_memory_is_short() =>
        Assert.Equal(64 << 20, Of(new ServiceSpec { Container = new(), Reservations = new Resources { MemoryBytes = 64 << 20 } }).Limits.MemoryReservationBytes);

    [Fact]
    public void New_privileges_are_off_unless_the_file_says_otherwise()
    {
        Assert.True(Of(new ServiceSpec { Container = new() }).NoNewPrivileges);
        Assert.False(Of(new ServiceSpec { Container = new() { SecurityOptions = { "no-new-privileges:false" } } }).NoNewPrivileges);
    }

    [Fact]
    public void Chosen_name_servers_stand_behind_the_networks_own_which_knows_the_services()
    {
        var replica = new ServiceSpec { Container = new() { Dns = { "192.0.2.1" }, DnsSearch = { "example.org" } } };
        Assert.Equal([s_attachment.DnsServer!], Of(replica).Dns.Servers);
        Assert.Equal([IPAddress.Parse("192.0.2.1")], ContainerSetup.NameServers(Replica(replica)));
        replica.NetworkMode = "host";
        Assert.Equal([IPAddress.Parse("192.0.2.1")], ContainerSetup.Of(Replica(replica), s_image, null).Dns.Servers);
    }

    [Fact]
    public void A_network_mode_decides_the_namespace()
    {
        var host = ContainerSetup.Of(Replica(new ServiceSpec { Container = new() { ExtraHosts = { "gw:host-gateway" } }, NetworkMode = "host" }), s_image, null);
        Assert.Equal((true, null, ""), (host.HostNetwork, host.NetworkNamespace, host.Hostname));
        Assert.Equal([new HostEntry(IPAddress.Loopback, "gw")], host.Hosts);
        var none = Of(new ServiceSpec { Container = new(), NetworkMode = "none" });
        Assert.Equal((false, s_attachment.NetnsPath), (none.HostNetwork, none.NetworkNamespace));
    }

    [Fact]
    public void The_gateway_of_a_container_that_is_only_made_is_not_known_yet()
    {
        var record = new LocalRecord { Id = new string('c', 64), Spec = new LocalSpec { Container = new() { ExtraHosts = { "gw:host-gateway" } } } };
        Assert.Empty(LocalSetup.Of(record, s_image, null).Hosts);
        Assert.Contains(new HostEntry(s_attachment.DnsServer!, "gw"), LocalSetup.Of(record, s_image, s_attachment).Hosts);
        record.Spec.Network = "none";
        Assert.Throws<ContainerException>(() => LocalSetup.Of(record, s_image, null));
    }

    /// <summary>The same with the real runtime, seen from inside.</summary>
    [Fact]
    public async Task A_replica_is_inside_as_its_spec_says()
    {
        await using var lab = await EngineLab.OpenAsync();
        var spec = new ServiceSpec
        {
            Container = new()
            {
                Command =
                {
                    "sh", "-c",
                    "ulimit -n; cat /proc/sys/kernel/msgmax; busybox df -k /dev/shm | busybox tail -1 | busybox awk '{ print $2 }'; id -G; cat /proc/self/oom_score_adj; "
                    + "grep -c 'there' /etc/hosts; grep options /etc/resolv.conf; cat /proc/sys/kernel/domainname; ls /dev/zilch; busybox cat /sys/fs/cgroup/memory/memory.limit_in_bytes; "
                    + "busybox mknod /loop0 b 7 0 && echo made; grep NoNewPrivs /proc/self/status; busybox readlink /proc/self/ns/uts; busybox readlink /proc/self/ns/cgroup",
                },
                CommandSet = true, Ulimits = { new Ulimit { Name = "nofile", Soft = 123, Hard = 456 } }, Sysctls = { ["kernel.msgmax"] = "4321" }, ShmSizeBytes = 1 << 20,
                GroupAdd = { "extra", "99" }, OomScoreAdj = 77, ExtraHosts = { "there:10.9.8.7" }, DnsOptions = { "ndots:3" }, Domainname = "example.org",
                Devices = { new Device { Source = "/dev/null", Target = "/dev/zilch", Permissions = "rw" } }, DeviceRules = { "b 7:* rwm" },
                SecurityOptions = { "no-new-privileges:false" }, CgroupMode = "host", Annotations = { ["a"] = "b" },
            },
            NetworkMode = "none",
            Limits = new Resources { MemoryBytes = 32 << 20 },
        };
        var options = ContainerSetup.Of(Replica(spec), lab.Image, null);
        var (exit, output) = await lab.RunAsync(options);
        Assert.Equal(
            ["123", "4321", "1024", "0 77 99", "77", "1", "options ndots:3", "example.org", "/dev/zilch", $"{32 << 20}", "made", "NoNewPrivs:\t0"],
            output.Split('\n').SkipLast(3));
        Assert.Equal(0, exit.ExitCode);
        var namespaces = output.Split('\n')[^3..];
        Assert.NotEqual(new FileInfo("/proc/self/ns/uts").LinkTarget, namespaces[0]);
        Assert.Equal(new FileInfo("/proc/self/ns/cgroup").LinkTarget, namespaces[1]);
        spec.Container.UtsMode = "host";
        (_, output) = await lab.RunAsync(ContainerSetup.Of(Replica(spec, "r2"), lab.Image, null));
        Assert.Equal(new FileInfo("/proc/self/ns/uts").LinkTarget, output.Split('\n')[^3]);
    }

    private static ContainerOptions Of(ServiceSpec spec) => ContainerSetup.Of(Replica(spec), s_image, s_attachment);

    private static Assignment Replica(ServiceSpec spec, string id = "r1") => new() { ReplicaId = id, Stack = "shop", Service = "web", Slot = 1, Spec = spec };

    private static string Text(ContainerOptions options) =>
        string.Join('\n', typeof(ContainerOptions).GetProperties().Where(p => p.Name is not ("Image" or "EqualityContract")).Select(p => $"{p.Name} {Value(p.GetValue(options))}"));

    private static string Value(object? value) => value is DnsOptions dns ? $"{string.Join(' ', dns.Servers)} {string.Join(' ', dns.Search)} {string.Join(' ', dns.Options)}"
        : value is IEnumerable<HostEntry> or IEnumerable<ContainerMount> ? string.Join(' ', (IEnumerable<object>)value) : JsonSerializer.Serialize(value);

    private static void Set(Google.Protobuf.IMessage message, FieldDescriptor field)
    {
        if (field.IsMap)
            ((IDictionary<string, string>)field.Accessor.GetValue(message))["k"] = "v";
        else if (field.IsRepeated)
            ((System.Collections.IList)field.Accessor.GetValue(message)).Add(s_values.GetValueOrDefault(field.Name, "x"));
        else
            field.Accessor.SetValue(message, s_values.GetValueOrDefault(field.Name) ?? field.FieldType switch
            {
                FieldType.String => "x",
                FieldType.Bool => true,
                FieldType.Int32 => 10,
                _ => (object)10L,
            });
    }
}
