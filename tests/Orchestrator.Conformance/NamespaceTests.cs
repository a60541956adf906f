using System.Diagnostics;
using System.Globalization;
using Orchestrator.Oci.Runtime;
using Xunit;
using static Orchestrator.Conformance.Configs;

namespace Orchestrator.Conformance;

/// <summary>linux.namespaces: new ones, those of others, and their names and clocks.</summary>
public sealed class NamespaceTests
{
    private static readonly string[] s_files = ["mnt", "uts", "ipc", "pid", "net", "cgroup", "user", "time"];

    [Theory, OnBoth]
    public void What_is_listed_is_new_and_the_rest_the_hosts(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var inside = Links(bundle.Run("for n in mnt uts ipc pid net cgroup user time; do readlink /proc/self/ns/$n; done").Output);
        var same = s_files.Where((n, i) => inside[i] == new FileInfo("/proc/self/ns/" + n).LinkTarget);
        Assert.Equal(["user", "time"], same);
    }

    [Theory, OnBoth]
    public void What_is_not_listed_is_shared(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var result = bundle.Run("for n in uts ipc net; do readlink /proc/self/ns/$n; done", All(Without("uts"), Without("ipc"), Without("network"), c => c with { Hostname = null }));
        Assert.Equal(["uts", "ipc", "net"], new[] { "uts", "ipc", "net" }.Where((n, i) => Links(result.Output)[i] == new FileInfo("/proc/self/ns/" + n).LinkTarget));
    }

    [Theory, OnBoth]
    public void Namespaces_are_joined_by_their_paths(string runtime)
    {
        using var bundle = new Bundle(runtime);
        using var other = new Holder("--net", "--ipc", "--uts", "--cgroup");
        var result = bundle.Run("for n in net ipc uts cgroup; do readlink /proc/self/ns/$n; done", All(
            Namespace("network", other.Path("net")), Namespace("ipc", other.Path("ipc")), Namespace("uts", other.Path("uts")), Namespace("cgroup", other.Path("cgroup"))));
        Assert.Equal(new[] { "net", "ipc", "uts", "cgroup" }.Select(n => new FileInfo(other.Path(n)).LinkTarget), Links(result.Output));
    }

    [Theory, OnBoth]
    public void A_pid_namespace_is_joined_and_its_processes_are_seen(string runtime)
    {
        using var bundle = new Bundle(runtime);
        using var other = new Holder("--pid", "--fork");
        var result = bundle.Run("readlink /proc/self/ns/pid; tr '\\0' ' ' < /proc/1/cmdline; test $$ != 1 && echo not first; exit 6", Namespace("pid", other.Path("pid")));
        Assert.Equal($"{new FileInfo(other.Path("pid")).LinkTarget}\nsleep 1000 not first\n", result.Output);
        Assert.Equal(6, result.ExitCode);
    }

    [Theory, OnBoth]
    public void A_user_namespace_is_joined_with_what_belongs_to_it(string runtime)
    {
        using var bundle = new Bundle(runtime);
        using var other = new Holder("--user", "--net", "--ipc", "--map-root-user");
        var result = bundle.Run("readlink /proc/self/ns/user; readlink /proc/self/ns/net; id -u; cat /proc/self/uid_map", All(
            Namespace("user", other.Path("user")), Namespace("network", other.Path("net")), Namespace("ipc", other.Path("ipc")), NoTerminalGroup,
            // What it is mapped to already; runc wants to be told.
            WithLinux(l => l with { UidMappings = [new IdMapping { Size = 1 }], GidMappings = [new IdMapping { Size = 1 }] })));
        Assert.Equal("", result.Error);
        Assert.Equal([new FileInfo(other.Path("user")).LinkTarget!, new FileInfo(other.Path("net")).LinkTarget!, "0"], Links(result.Output)[..3]);
    }

    [Theory, OnBoth(RuncLacks = "time namespaces came with 1.2")]
    public void Clocks_are_offset_in_a_time_namespace(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var result = bundle.Run("cut -d. -f1 /proc/uptime; cat /proc/self/timens_offsets | tr -s ' '; readlink /proc/self/ns/time", All(Namespace("time"), WithLinux(l => l with
        {
            TimeOffsets = new Dictionary<string, TimeOffset> { ["boottime"] = new() { Secs = 1_000_000 }, ["monotonic"] = new() { Secs = 5, Nanosecs = 7 } },
        })));
        var lines = Links(result.Output);
        var host = double.Parse(File.ReadAllText("/proc/uptime").Split(' ')[0], CultureInfo.InvariantCulture);
        Assert.InRange(long.Parse(lines[0], CultureInfo.InvariantCulture) - 1_000_000, (long)host - 60, (long)host + 1);
        Assert.Contains("monotonic 5 7", lines);
        Assert.Contains("boottime 1000000 0", lines);
        Assert.NotEqual(new FileInfo("/proc/self/ns/time").LinkTarget, lines[^1]);
    }

    [Theory, OnBoth(RuncLacks = "time namespaces came with 1.2")]
    public void A_time_namespace_without_offsets_is_new(string runtime)
    {
        using var bundle = new Bundle(runtime);
        Assert.NotEqual(new FileInfo("/proc/self/ns/time").LinkTarget, bundle.Run("readlink /proc/self/ns/time", Namespace("time")).Output.Trim());
    }

    [Theory, OnBoth(RuncLacks = "domainname came with 1.2")]
    public void The_domain_is_named(string runtime)
    {
        using var bundle = new Bundle(runtime);
        Assert.Equal("example.org\n", bundle.Run("cat /proc/sys/kernel/domainname", c => c with { Domainname = "example.org" }).Output);
    }

    [Theory, OnBoth]
    public void A_hostname_needs_a_uts_namespace(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var before = File.ReadAllText("/proc/sys/kernel/hostname");
        var result = bundle.Run("true", All(Without("uts"), c => c with { Hostname = "box" }));
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("hostname", result.Error);
        Assert.Equal(before, File.ReadAllText("/proc/sys/kernel/hostname"));
    }

    [Theory, OnBoth]
    public void A_type_is_listed_once(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var result = bundle.Run("true", WithLinux(l => l with { Namespaces = [.. l.Namespaces, new NamespaceConfig { Type = "uts" }] }));
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains(runtime == Bundle.Ours ? "linux.namespaces[6].type: \"uts\" is listed twice" : "duplicated", result.Error);
    }

    [Theory, OnBoth]
    public void An_unknown_type_is_refused(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var result = bundle.Run("true", Namespace("astral"));
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("astral", result.Error);
    }

    [Theory, OnBoth]
    public void A_path_that_is_no_namespace_is_refused(string runtime)
    {
        using var bundle = new Bundle(runtime);
        Assert.NotEqual(0, bundle.Run("true", Namespace("network", "/etc/passwd")).ExitCode);
    }

    [Theory, OnBoth]
    public void Sysctls_are_the_containers(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var names = new Dictionary<string, string> { ["net.ipv4.ip_default_ttl"] = "33", ["kernel.shmmni"] = "17", ["fs.mqueue.msg_max"] = "11", ["net/ipv4/conf/lo/forwarding"] = "1" };
        var before = File.ReadAllText("/proc/sys/net/ipv4/ip_default_ttl");
        var result = bundle.Run("cat /proc/sys/net/ipv4/ip_default_ttl /proc/sys/kernel/shmmni /proc/sys/fs/mqueue/msg_max /proc/sys/net/ipv4/conf/lo/forwarding", WithLinux(l => l with { Sysctl = names }));
        Assert.Equal("33\n17\n11\n1\n", result.Output);
        Assert.Equal(before, File.ReadAllText("/proc/sys/net/ipv4/ip_default_ttl"));
    }

    [Theory, OnBoth]
    public void A_sysctl_of_the_whole_machine_is_refused(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var result = bundle.Run("true", WithLinux(l => l with { Sysctl = new Dictionary<string, string> { ["kernel.panic"] = "77" } }));
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("kernel.panic", result.Error);
        Assert.NotEqual("77\n", File.ReadAllText("/proc/sys/kernel/panic"));
    }

    [Theory, OnBoth]
    public void A_sysctl_needs_the_namespace_that_it_is_of(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var before = File.ReadAllText("/proc/sys/net/ipv4/ip_default_ttl");
        var result = bundle.Run("true", All(Without("network"), WithLinux(l => l with { Sysctl = new Dictionary<string, string> { ["net.ipv4.ip_default_ttl"] = "33" } })));
        Assert.NotEqual(0, result.ExitCode);
        Assert.Equal(before, File.ReadAllText("/proc/sys/net/ipv4/ip_default_ttl"));
    }

    [Theory, OnBoth(RuncLacks = "netDevices came with 1.3")]
    public void A_network_device_moves_in_with_its_addresses(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var name = "orc" + Guid.NewGuid().ToString("N")[..8];
        Tool("ip", "link", "add", name, "type", "veth", "peer", "name", name + "p");
        try
        {
            Tool("ip", "addr", "add", "192.0.2.77/24", "dev", name);
            var result = bundle.Run("ip addr show dev inner", WithLinux(l => l with { NetDevices = new Dictionary<string, NetDeviceConfig> { [name] = new() { Name = "inner" } } }));
            Assert.Contains("192.0.2.77/24", result.Output);
            Assert.Contains("UP", result.Output);
        }
        finally
        {
            Process.Start(new ProcessStartInfo("ip", ["link", "del", name + "p"]) { RedirectStandardError = true })!.WaitForExit();
        }
    }

    [Fact]
    public void The_mounts_of_another_are_joined_without_adding_to_them()
    {
        using var bundle = new Bundle();
        using var other = new Holder("--mount");
        var config = All(Namespace("mount", other.Path("mnt")), c => c with { Mounts = [], Linux = c.Linux with { MaskedPaths = [], ReadonlyPaths = [] } });
        var before = File.ReadAllText($"/proc/{other.Pid}/mountinfo");
        bundle.Keep("sleep 1000", config);
        Assert.Equal("busybox\n", bundle.Exec(bundle.LastId, "readlink", "/bin/sh").Output);
        Assert.Equal(before, File.ReadAllText($"/proc/{other.Pid}/mountinfo"));
        Assert.Contains("mounts:", bundle.Run("true", Namespace("mount", other.Path("mnt"))).Error);
    }

    // A joined user namespace with one id has no group 5 for terminals.
    private static RuntimeConfig NoTerminalGroup(RuntimeConfig config) => config with
    {
        Mounts = [.. config.Mounts.Select(m => m.Type == "devpts" ? m with { Options = [.. m.Options.Where(o => o != "gid=5")] } : m)],
    };

    private static string[] Links(string output) => output.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private static void Tool(string name, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(name, arguments) { RedirectStandardError = true })!;
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, process.StandardError.ReadToEnd());
    }
}
