using Orchestrator.Linux;
using Orchestrator.Linux.Cgroups;
using Orchestrator.Linux.Tapes;
using Orchestrator.Oci.Runtime;
using Orchestrator.Runtime.Planning;
using Xunit;

namespace Orchestrator.Tests.Runtime;

public sealed class ContainerPlanTests
{
    private static readonly CgroupLayout s_hybrid = new(
        [new CgroupHierarchy("/sys/fs/cgroup/memory", ["memory"]), new CgroupHierarchy("/sys/fs/cgroup/pids", ["pids"]), new CgroupHierarchy("/sys/fs/cgroup/devices", ["devices"])], null);

    private static readonly LaunchFacts s_facts = new()
    {
        Bundle = "/bundle",
        Cgroups = s_hybrid,
        CgroupPath = "/orchestrator/web.1",
        KindOf = path => path.EndsWith(".txt", StringComparison.Ordinal) ? FileKind.Regular : path.Contains("missing", StringComparison.Ordinal) ? null : FileKind.Directory,
        Descriptors = new LaunchDescriptors(10, 11),
    };

    [Fact]
    public void The_same_configuration_makes_the_same_plan() =>
        Assert.Equal(Compile(DefaultProfile.Config()).ToString(), Compile(RuntimeConfig.Parse(DefaultProfile.Config().ToJson())).ToString());

    [Fact]
    public void A_plan_goes_from_the_groups_over_the_mounts_into_the_root_and_ends_in_the_program()
    {
        var calls = Compile(DefaultProfile.Config()).Tape.Steps.Select(s => s.Call).ToList();
        var pivot = calls.IndexOf(Syscall.pivot_root);
        Assert.True(calls.IndexOf(Syscall.unshare) > calls.IndexOf(Syscall.write));
        Assert.True(calls.LastIndexOf(Syscall.move_mount) < pivot);
        Assert.True(pivot < calls.IndexOf(Syscall.setresuid));
        Assert.True(calls.IndexOf(Syscall.setresuid) < calls.IndexOf(Syscall.seccomp));
        Assert.True(calls.IndexOf(Syscall.seccomp) < calls.IndexOf(Syscall.close_range));
        Assert.Equal(Syscall.execve, calls[^1]);
    }

    [Fact]
    public void Without_no_new_privileges_the_filter_comes_while_it_still_may()
    {
        var config = With(p => p with { NoNewPrivileges = false });
        var calls = Compile(config).Tape.Steps.Select(s => s.Call).ToList();
        Assert.True(calls.IndexOf(Syscall.seccomp) < calls.IndexOf(Syscall.setresuid));
    }

    [Fact]
    public void Every_jump_goes_forward_and_every_result_comes_from_before()
    {
        foreach (var step in Compile(DefaultProfile.Config()).Tape.Steps)
        {
            Assert.True(step.Next is null || step.Next > step.Index);
            Assert.True(step.NextIfZero is null || step.NextIfZero > step.Index);
            Assert.All(step.Arguments.OfType<Argument.Result>(), a => Assert.True(a.Step.Index < step.Index));
        }
    }

    [Fact]
    public void The_program_is_searched_in_the_containers_path()
    {
        var plan = Compile(With(p => p with { Args = ["web"], Env = ["PATH=/a:/b/"] })).ToString();
        Assert.Contains("execve(\"/a/web\", [\"web\"], [\"PATH=/a:/b/\", \"HOME=/\"])  ENOENT,EACCES,ENOTDIR->", plan);
        Assert.Contains("execve(\"/b/web\"", plan);
    }

    [Fact]
    public void Layers_are_named_relative_to_the_directory_that_they_share()
    {
        var overlay = new OverlayConfig { Lower = ["/layers/b", "/layers/a:1"], Upper = "/c/upper", Work = "/c/work" };
        var config = DefaultProfile.Config() with { Annotations = new Dictionary<string, string> { [RuntimeAnnotations.Overlay] = overlay.ToJson() } };
        var plan = Compile(config).ToString();
        Assert.Contains("chdir(\"/layers\")", plan);
        Assert.Contains("lowerdir=b:a\\\\:1,upperdir=/c/upper,workdir=/c/work", plan);
    }

    [Fact]
    public void An_init_is_laid_into_the_container_and_gets_the_command()
    {
        var config = With(p => p with { Args = ["web", "-x"] }) with { Annotations = new Dictionary<string, string> { [RuntimeAnnotations.Init] = "true" } };
        Assert.Contains("execve(\"/dev/init\", [\"init\", \"init\", \"--\", \"web\", \"-x\"]", Compile(config).ToString());
    }

    [Fact]
    public void A_file_is_bound_on_a_file_that_is_made_when_it_is_missing()
    {
        var mount = new MountConfig { Type = "bind", Source = "/etc/hosts.txt", Destination = "/etc/hosts", Options = ["bind", "ro"] };
        var plan = Compile(DefaultProfile.Config() with { Mounts = [mount] }).ToString();
        Assert.Contains("open_tree(AT_FDCWD, \"/etc/hosts.txt\", CLONE|CLOEXEC)  # mounts[0].source", plan);
        Assert.Contains("set ReadOnly", plan);
        Assert.Contains("\"etc/hosts\", {Create, in root}", plan);
    }

    public static TheoryData<string, RuntimeConfig> Refusals => new()
    {
        { "mounts[0].source", DefaultProfile.Config() with { Mounts = [new MountConfig { Type = "bind", Source = "/missing", Destination = "/x" }] } },
        { "mounts[0].destination", DefaultProfile.Config() with { Mounts = [new MountConfig { Type = "tmpfs", Destination = "/a/../b" }] } },
        { "mounts[0].destination", DefaultProfile.Config() with { Mounts = [new MountConfig { Type = "tmpfs", Destination = "/proc/sys" }] } },
        { "process.rlimits[0].type", With(p => p with { Rlimits = [new RlimitConfig { Type = "RLIMIT_FUN" }] }) },
        { "process.args", With(p => p with { Args = [] }) },
        { "linux.sysctl[kernel.panic]", Linux(l => l with { Sysctl = new Dictionary<string, string> { ["kernel.panic"] = "1" } }) },
        { "linux.namespaces[0].type", Linux(l => l with { Namespaces = [new NamespaceConfig { Type = "astral" }] }) },
        { "linux.devices[0].type", Linux(l => l with { Devices = [new DeviceConfig { Path = "/dev/x", Type = "z" }] }) },
        { "linux.resources.cpu.shares", Linux(l => l with { Resources = new ResourcesConfig { Cpu = new CpuResources { Shares = 2 } } }) },
        { "linux.namespaces[6].type", Linux(l => l with { Namespaces = [.. l.Namespaces, new NamespaceConfig { Type = "uts" }] }) },
        { "linux.uidMappings", Linux(l => l with { Namespaces = [.. l.Namespaces, new NamespaceConfig { Type = "user" }] }) },
        { "linux.gidMappings", Linux(l => l with { GidMappings = [new IdMapping { Size = 1 }] }) },
        { "linux.timeOffsets", Linux(l => l with { TimeOffsets = new Dictionary<string, TimeOffset> { ["boottime"] = new() } }) },
        { "linux.intelRdt", Linux(l => l with { IntelRdt = System.Text.Json.JsonDocument.Parse("""{"closID":"x"}""").RootElement }) },
        { "linux.personality.domain", Linux(l => l with { Personality = new PersonalityConfig { Domain = "BSD" } }) },
        { "linux.rootfsPropagation", Linux(l => l with { RootfsPropagation = "loose" }) },
        { "linux.seccomp.listenerPath", Linux(l => l with { Seccomp = new SeccompConfig { DefaultAction = "SCMP_ACT_NOTIFY" } }) },
        { "linux.seccomp.flags[0]", Linux(l => l with { Seccomp = new SeccompConfig { DefaultAction = "SCMP_ACT_ALLOW", Flags = ["SECCOMP_FILTER_FLAG_FUN"] } }) },
        { "mounts", Linux(l => l with { Namespaces = [] }) with { Hostname = null } },
        { "mounts[0].options[0]", DefaultProfile.Config() with { Mounts = [new MountConfig { Type = "tmpfs", Destination = "/x", Options = ["mand"] }] } },
        { "mounts[0].options", DefaultProfile.Config() with { Mounts = [new MountConfig { Type = "proc", Destination = "/proc", Options = ["tmpcopyup"] }] } },
        { "mounts[0].uidMappings", DefaultProfile.Config() with { Mounts = [new MountConfig { Type = "bind", Source = "/a", Destination = "/x", Options = ["idmap"] }] } },
        { "process.rlimits[1].type", With(p => p with { Rlimits = [new RlimitConfig { Type = "RLIMIT_CPU" }, new RlimitConfig { Type = "RLIMIT_CPU" }] }) },
        { "process.scheduler.policy", With(p => p with { Scheduler = new SchedulerConfig { Policy = "SCHED_FAST" } }) },
        { "process.ioPriority.class", With(p => p with { IoPriority = new IoPriorityConfig { Class = "IOPRIO_CLASS_FAST" } }) },
        { "process.apparmorProfile", With(p => p with { ApparmorProfile = "docker-default" }) },
        { "process.selinuxLabel", With(p => p with { SelinuxLabel = "system_u:system_r:x:s0" }) },
        { "process.cwd", With(p => p with { Cwd = "here" }) },
        { "hooks.poststop[0].path", DefaultProfile.Config() with { Hooks = new HooksConfig { Poststop = [new HookConfig { Path = "hook" }] } } },
        { "hooks.prestart[0].timeout", DefaultProfile.Config() with { Hooks = new HooksConfig { Prestart = [new HookConfig { Path = "/hook", Timeout = 0 }] } } },
        { "ociVersion", DefaultProfile.Config() with { OciVersion = "2.0.0" } },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public void What_cannot_be_honoured_is_refused_by_its_field(string field, RuntimeConfig config) =>
        Assert.Equal(field, Assert.Throws<RuntimeConfigException>(() => Compile(config)).Field);

    [Fact]
    public void A_capability_that_cannot_be_granted_is_a_warning()
    {
        var config = With(p => p with { Capabilities = new CapabilitiesConfig { Effective = ["CAP_FLY", "CAP_SYS_RESOURCE"], Permitted = ["CAP_SYS_RESOURCE"] } });
        var plan = ContainerPlan.Compile(config, s_facts with { Grantable = ~(1UL << 24) });
        Assert.Equal(
            ["process.capabilities.effective[0]: \"CAP_FLY\" is unknown, and passed over", "process.capabilities.effective[1]: \"CAP_SYS_RESOURCE\" is not the runtime's own to grant, and passed over"],
            plan.Warnings);
    }

    [Fact]
    public void What_a_config_leaves_out_has_its_default()
    {
        var config = RuntimeConfig.Parse("""{"ociVersion":"1.0.2","process":{"args":["sh"],"cwd":"/"},"root":{"path":"x"},"linux":{"namespaces":[{"type":"mount"}]}}"""u8);
        Assert.Contains("execve", Compile(config).ToString());
    }

    private static ContainerPlan Compile(RuntimeConfig config) => ContainerPlan.Compile(config, s_facts);

    private static RuntimeConfig With(Func<ProcessConfig, ProcessConfig> change) =>
        DefaultProfile.Config() with { Process = change(DefaultProfile.Config().Process!) };

    private static RuntimeConfig Linux(Func<LinuxConfig, LinuxConfig> change) =>
        DefaultProfile.Config() with { Linux = change(DefaultProfile.Config().Linux) };
}
