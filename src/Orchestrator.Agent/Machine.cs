using System.Globalization;
using System.Runtime.InteropServices;
using Orchestrator.Model;

namespace Orchestrator.Agent;

/// <summary>What this machine is, for the scheduler.</summary>
internal static class Machine
{
    private const long LeastReserved = 128L << 20, MostReserved = 1L << 30;

    public static NodeDescription Describe(AgentOptions options)
    {
        var nanoCpus = options.NanoCpus > 0 ? options.NanoCpus : Environment.ProcessorCount * 1_000_000_000L;
        var memory = options.MemoryBytes > 0 ? options.MemoryBytes : MemoryBytes();
        var reservedNanoCpus = Math.Min(nanoCpus, options.ReservedNanoCpus ?? 0);
        var reservedMemory = Math.Min(memory, options.ReservedMemoryBytes ?? (options.MemoryBytes > 0 ? 0 : Reserve(memory)));
        return new()
        {
            Address = options.Address.ToString(),
            NanoCpus = nanoCpus - reservedNanoCpus,
            MemoryBytes = memory - reservedMemory,
            ReservedNanoCpus = reservedNanoCpus,
            ReservedMemoryBytes = reservedMemory,
            GenericResources = { options.Resources.ToDictionary() },
            Os = "linux",
            Architecture = Architecture(RuntimeInformation.OSArchitecture),
            Version = typeof(Machine).Assembly.GetName().Version!.ToString(3),
            Kernel = File.ReadAllText("/proc/sys/kernel/osrelease").Trim(),
        };
    }

    /// <summary>What the machine keeps of its memory for itself, unless somebody says otherwise.</summary>
    public static long Reserve(long memoryBytes) => Math.Clamp(memoryBytes / 20, LeastReserved, MostReserved);

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
