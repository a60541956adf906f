using System.Globalization;
using System.Net;
using Orchestrator.Model;

namespace Orchestrator.Agent.Local;

/// <summary>Refuses at once what could only fail later, and says what would be accepted.</summary>
internal static class LocalChecks
{
    private const long LeastMemory = 6 << 20;

    /// <exception cref="LocalRefusal"/>
    public static void Check(LocalSpec spec)
    {
        CheckNetwork(spec);
        CheckShared(spec.Container);
        foreach (var port in spec.Ports)
            CheckPort(port);
        CheckLimits(spec.Limits ?? new Resources());
        if (spec is { AutoRemove: true, Restart.Policy: not LocalRestartPolicy.Never and not 0 })
            throw LocalRefusal.Invalid("--rm and a restart policy exclude each other");
        if (spec.Container.Mounts.GroupBy(m => m.Target.TrimEnd('/')).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw LocalRefusal.Invalid($"two mounts have the target {twice.Key}");
    }

    private static void CheckNetwork(LocalSpec spec)
    {
        if (spec.Network is not ("" or "bridge" or "default" or "host" or "none") && !spec.Network.StartsWith("container:", StringComparison.Ordinal))
            throw LocalRefusal.Invalid($"network \"{spec.Network}\": expected bridge, host, none or container:NAME; stacks have networks of their own");
        if (spec.Ports.Count > 0 && spec.Network is not ("" or "bridge" or "default"))
            throw LocalRefusal.Invalid($"ports cannot be published with --network {spec.Network}");
    }

    // The shared memory of a container is mounted in its own mount namespace alone, and cannot be bound from there.
    private static void CheckShared(ContainerSpec spec)
    {
        if (spec.PidMode is not ("" or "host") && !spec.PidMode.StartsWith("container:", StringComparison.Ordinal))
            throw LocalRefusal.Invalid($"pid \"{spec.PidMode}\": expected host or container:NAME");
        if (spec.IpcMode is not ("" or "host"))
            throw LocalRefusal.Invalid($"ipc \"{spec.IpcMode}\": expected host");
    }

    private static void CheckPort(PortSpec port)
    {
        if (port.Target is < 1 or > 65535 || port.Published is < 0 or > 65535)
            throw LocalRefusal.Invalid(string.Create(CultureInfo.InvariantCulture, $"port {port.Published}:{port.Target}: expected numbers from 1 to 65535"));
        if (port.HostIp.Length > 0 && !(IPAddress.TryParse(port.HostIp, out var address) && address.GetAddressBytes().Length == 4))
            throw LocalRefusal.Invalid($"port {port.Published}:{port.Target}: host address \"{port.HostIp}\" is no IPv4 address");
    }

    private static void CheckLimits(Resources limits)
    {
        if (limits.MemoryBytes is > 0 and < LeastMemory)
            throw LocalRefusal.Invalid("memory: expected at least 6 MiB");
        if (limits.MemorySwapBytes > 0 && limits.MemoryBytes == 0)
            throw LocalRefusal.Invalid("memory-swap: it counts memory and swap together, so it needs --memory too");
        if (limits.MemorySwapBytes > 0 && limits.MemorySwapBytes < limits.MemoryBytes)
            throw LocalRefusal.Invalid("memory-swap: it counts memory and swap together, so it cannot be less than --memory");
        if (limits.NanoCpus > Environment.ProcessorCount * 1_000_000_000L)
            throw LocalRefusal.Invalid(string.Create(CultureInfo.InvariantCulture, $"cpus: this machine has {Environment.ProcessorCount}"));
    }
}
