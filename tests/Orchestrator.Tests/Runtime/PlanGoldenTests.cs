using System.Runtime.CompilerServices;
using Orchestrator.Linux;
using Orchestrator.Linux.Cgroups;
using Orchestrator.Oci.Runtime;
using Orchestrator.Runtime.Planning;
using Xunit;

namespace Orchestrator.Tests.Runtime;

/// <summary>
/// Whole plans of configurations as others write them: Plans/NAME.json compiles to Plans/NAME.plan. A difference is a change of what happens at a
/// start, to be read as such; ORC_GOLDEN=rewrite writes the files anew.
/// </summary>
public sealed class PlanGoldenTests
{
    private static readonly LaunchFacts s_facts = new()
    {
        Bundle = "/bundle",
        Cgroups = new CgroupLayout([new CgroupHierarchy("/sys/fs/cgroup/memory", ["memory"]), new CgroupHierarchy("/sys/fs/cgroup/pids", ["pids"]), new CgroupHierarchy("/sys/fs/cgroup/devices", ["devices"]), new CgroupHierarchy("/sys/fs/cgroup/cpu,cpuacct", ["cpu", "cpuacct"])], null),
        CgroupPath = "/group/id",
        KindOf = path => Path.HasExtension(path) || path.EndsWith("host", StringComparison.Ordinal) || path.EndsWith("hosts", StringComparison.Ordinal) || path.EndsWith("hostname", StringComparison.Ordinal) ? FileKind.Regular : FileKind.Directory,
        Descriptors = new LaunchDescriptors(10, 11),
    };

    [Theory]
    [InlineData("docker")]
    [InlineData("podman")]
    [InlineData("privileged")]
    [InlineData("userns")]
    [InlineData("rootless")]
    [InlineData("joined")]
    public void A_configuration_compiles_to_its_plan(string name)
    {
        var directory = Directory();
        var plan = ContainerPlan.Compile(RuntimeConfig.Parse(File.ReadAllBytes(Path.Combine(directory, name + ".json"))), s_facts).ToString();
        var golden = Path.Combine(directory, name + ".plan");
        if (Environment.GetEnvironmentVariable("ORC_GOLDEN") == "rewrite")
            File.WriteAllText(golden, plan);
        Assert.Equal(File.ReadAllText(golden), plan);
    }

    private static string Directory([CallerFilePath] string file = "") => Path.Combine(Path.GetDirectoryName(file)!, "Plans");
}
