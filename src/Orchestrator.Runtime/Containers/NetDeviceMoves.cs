using System.Net;
using Orchestrator.Linux;
using Orchestrator.Linux.Netlink;
using Orchestrator.Oci.Runtime;

namespace Orchestrator.Runtime.Containers;

/// <summary>linux.netDevices: the host's devices that go into the container's network namespace.</summary>
internal static class NetDeviceMoves
{
    /// <exception cref="RuntimeConfigException">A device is not there, or its name in the container is taken.</exception>
    public static void Run(IReadOnlyDictionary<string, NetDeviceConfig> devices, int pid)
    {
        foreach (var (name, device) in devices)
        {
            try
            {
                Move(name, device.Name is { Length: > 0 } inside ? inside : name, $"/proc/{pid}/ns/net");
            }
            catch (LinuxException e)
            {
                throw new RuntimeConfigException($"linux.netDevices[{name}]", e.Message);
            }
        }
    }

    // The kernel takes a device's addresses away when it moves, and sets it down.
    private static void Move(string name, string nameInside, string path)
    {
        using var socket = new RouteSocket();
        using var ns = FileSystem.Open(path, OpenFlags.ReadOnly);
        var link = socket.FindLink(name) ?? throw new RuntimeConfigException($"linux.netDevices[{name}]", "is no device of the runtime's network namespace");
        var addresses = socket.Addresses().Where(a => a.Link == link.Index && IsGlobal(a.Address)).ToList();
        socket.MoveLink(link.Index, ns, nameInside);
        Namespaces.InNetwork(path, () =>
        {
            using var inside = new RouteSocket();
            // A name with %d in it has become another.
            var moved = inside.FindLink(nameInside) ?? inside.Links().First(l => l.Mac == link.Mac);
            foreach (var address in addresses)
                inside.AddAddress(address with { Link = moved.Index });
            inside.SetUp(moved.Index);
            return 0;
        });
    }

    private static bool IsGlobal(IPAddress address) => !address.IsIPv6LinkLocal && !IPAddress.IsLoopback(address);
}
