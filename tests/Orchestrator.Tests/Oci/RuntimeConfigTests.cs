using System.Text;
using Orchestrator.Oci.Runtime;
using Xunit;

namespace Orchestrator.Tests.Oci;

/// <summary>config.json is written by others, who leave out what is optional: it has its default then, and no list is null.</summary>
public sealed class RuntimeConfigTests
{
    [Fact]
    public void What_is_left_out_has_its_default()
    {
        var written = new RuntimeConfig
        {
            Process = new ProcessConfig { User = new UserConfig(), Capabilities = new CapabilitiesConfig(), Rlimits = [new RlimitConfig()] },
            Root = new RootConfig(),
            Mounts = [new MountConfig()],
            Linux = new LinuxConfig
            {
                Namespaces = [new NamespaceConfig()],
                Devices = [new DeviceConfig()],
                Seccomp = new SeccompConfig { Syscalls = [new SeccompRule { Args = [new SeccompArgument()] }] },
                Resources = new ResourcesConfig(),
            },
        };
        Assert.Equal(Text(written.ToJson()), Text(RuntimeConfig.Parse("""
            {"process":{"user":{},"capabilities":{},"rlimits":[{}]},"root":{},"mounts":[{}],
             "linux":{"namespaces":[{}],"devices":[{}],"seccomp":{"syscalls":[{"args":[{}]}]},"resources":{}}}
            """u8).ToJson()));
        Assert.Equal(Text(new RuntimeConfig().ToJson()), Text(RuntimeConfig.Parse("{}"u8).ToJson()));
    }

    [Fact]
    public void Resources_that_are_left_out_have_their_defaults()
    {
        var written = new ResourcesConfig
        {
            Devices = [new DeviceRule()],
            Memory = new MemoryResources(),
            Cpu = new CpuResources(),
            Pids = new PidsResources(),
            BlockIo = new BlockIoResources { WeightDevice = [new WeightDevice()] },
            HugepageLimits = [new HugepageLimit()],
            Network = new NetworkResources { Priorities = [new InterfacePriority()] },
            Rdma = new Dictionary<string, RdmaResources> { ["a"] = new() },
        };
        Assert.Equal(Text(written.ToJson()), Text(ResourcesConfig.Parse("""
            {"devices":[{}],"memory":{},"cpu":{},"pids":{},"blockIO":{"weightDevice":[{}]},"hugepageLimits":[{}],"network":{"priorities":[{}]},"rdma":{"a":{}}}
            """u8).ToJson()));
    }

    private static string Text(byte[] json) => Encoding.UTF8.GetString(json);
}
