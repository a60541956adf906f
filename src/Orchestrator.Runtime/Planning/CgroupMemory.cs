using Orchestrator.Oci.Runtime;

namespace Orchestrator.Runtime.Planning;

/// <summary>linux.resources.memory. Version 1 counts memory and swap together, version 2 swap alone.</summary>
internal static class CgroupMemory
{
    public static void Add(CgroupSettings settings, MemoryResources? memory)
    {
        if (memory is null)
            return;
        var unified = settings.IsUnified("memory");
        var (limit, swap) = (memory.Limit is 0 ? null : memory.Limit, Swap(memory));
        if (limit is { } l)
            settings.Add("memory", "memory.limit_in_bytes", "memory.max", unified ? CgroupSettings.Max(l) : $"{l}", "memory.limit",
                notBelow: memory.CheckBeforeUpdate == true && l > 0 ? unified ? "memory.current" : "memory.usage_in_bytes" : null);
        if (swap is { } s)
            settings.Add("memory", "memory.memsw.limit_in_bytes", "memory.swap.max", unified ? CgroupSettings.Max(s < 0 ? s : s - limit!.Value) : $"{s}", "memory.swap");
        if (memory.Reservation is { } reservation and not 0)
            // None is version 1's largest limit, and version 2's smallest protection.
            settings.Add("memory", "memory.soft_limit_in_bytes", "memory.low", unified ? $"{Math.Max(0, reservation)}" : $"{reservation}", "memory.reservation");
        if (memory.KernelTCP is { } tcp and not 0 && !unified)
            settings.Add("memory", "memory.kmem.tcp.limit_in_bytes", null, $"{tcp}", "memory.kernelTCP");
        // -1 as an unsigned number leaves it to the kernel.
        if (memory.Swappiness is { } swappiness and not ulong.MaxValue)
            settings.Add("memory", "memory.swappiness", null, $"{swappiness}", "memory.swappiness");
        if (memory.DisableOOMKiller == true)
            settings.Add("memory", "memory.oom_control", null, "1", "memory.disableOOMKiller");
    }

    private static long? Swap(MemoryResources memory)
    {
        const string field = "linux.resources.memory.swap";
        // No limit on memory means none on both together.
        if (memory.Swap is null or 0)
            return memory.Limit == -1 ? -1 : null;
        if (memory.Swap > 0 && memory.Limit is null or <= 0)
            throw new RuntimeConfigException(field, "counts memory and swap together, so it needs memory.limit too");
        if (memory.Swap > 0 && memory.Swap < memory.Limit)
            throw new RuntimeConfigException(field, $"{memory.Swap} is less than memory.limit; accepted: at least {memory.Limit}, as it counts memory and swap together");
        return memory.Swap;
    }
}
