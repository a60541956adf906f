using System.Globalization;
using System.Runtime.InteropServices;
using Orchestrator.Model;

namespace Orchestrator.Agent;

/// <summary>What this machine is, for the scheduler.</summary>
internal static class Machine
{
    public static NodeDescription Describe(AgentOptions options) => new()
    {
        Address = options.Address.ToString(),
        NanoCpus = options.NanoCpus > 0 ? options.NanoCpus : Environment.ProcessorCount * 1_000_000_000L,
        MemoryBytes = options.MemoryBytes > 0 ? options.MemoryBytes : MemoryBytes(),
        Os = "linux",
        Architecture = Architecture(RuntimeInformation.OSArchitecture),
        Version = typeof(Machine).Assembly.GetName().Version!.ToString(3),
        Kernel = File.ReadAllText("/proc/sys/kernel/osrelease").Trim(),
    };

    public static long MemoryBytes()
    {
        var total = File.ReadLines("/proc/meminfo").First(l => l.StartsWith("MemTotal:", StringComparison.Ordinal));
        return long.Parse(total.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024;
    }

    // The names of OCI image platforms.
    private static string Architecture(Architecture architecture) => architecture switch
    {
        System.Runtime.InteropServices.Architecture.X64 => "amd64",
        System.Runtime.InteropServices.Architecture.X86 => "386",
        var other => other.ToString().ToLowerInvariant(),
    };
}
