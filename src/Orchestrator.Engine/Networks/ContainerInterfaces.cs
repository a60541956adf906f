using System.Net;
using Orchestrator.Linux;
using Orchestrator.Linux.Netlink;

namespace Orchestrator.Engine.Networks;

/// <summary>
/// A container's namespace and its cables to the machine. All traffic is routed by the machine, also between two containers on it, so
/// that virtual IPs and rules hold everywhere; both ends know each other's MAC, so nothing is ever asked by ARP.
/// </summary>
internal sealed class ContainerInterfaces(RouteSocket route, string directory)
{
    private const long NamespaceFileSystem = 0x6E736673;

    // A pair whose ends happen to have the same number in their namespaces starts up to a second late (net/core/link_watch.c takes the
    // two for one device, whose changes are not urgent): containers count from where machines do not get.
    private const int FirstIndex = 1 << 20;

    public string PathOf(string containerId) => Path.Combine(directory, containerId);

    public void Ensure(string containerId, ContainerRecord record, int mtu)
    {
        var path = PathOf(containerId);
        EnsureNamespace(path);
        using var ns = FileSystem.Open(path, OpenFlags.ReadOnly);
        using var inside = Namespaces.InNetwork(path, PrepareInside);
        var found = inside.Links();
        for (var i = 0; i < record.Interfaces.Count; i++)
        {
            var cable = new Cable(Addressing.Veth(containerId, record.Interfaces[i].NetworkId), i, record.Interfaces[i]);
            if (found.All(l => l.Name != cable.Inside))
                AddCable(cable, ns, mtu);
            ConfigureHostEnd(cable);
            ConfigureInside(inside, cable, IsDefault(record, i));
        }
    }

    /// <summary>Whether packets pass; before that the kernel drops them.</summary>
    public bool AreRunning(string containerId, ContainerRecord record)
    {
        var names = record.Interfaces.Select(i => Addressing.Veth(containerId, i.NetworkId)).ToHashSet();
        return names.Count == 0 || route.Links().Where(l => names.Contains(l.Name)).All(l => l.Running);
    }

    /// <summary>
    /// Nothing reaches the container from here on. Its cables end with the namespace: the kernel takes down many at once in the time that
    /// one takes when it is asked for.
    /// </summary>
    public void Remove(string containerId, ContainerRecord record)
    {
        var addresses = record.Interfaces.Select(i => new IPNetwork(i.Address, 32)).ToHashSet();
        foreach (var old in route.Routes(OverlayDevices.RouteProtocol).Where(r => addresses.Contains(r.Destination)))
            route.DeleteRoute(old);
        Namespaces.DeleteNetwork(PathOf(containerId));
    }

    /// <summary>Removes namespaces and cables that no container of <paramref name="known"/> owns.</summary>
    public void RemoveOthers(IReadOnlyDictionary<string, ContainerRecord> known)
    {
        var names = known.SelectMany(c => c.Value.Interfaces.Select(i => Addressing.Veth(c.Key, i.NetworkId))).ToHashSet();
        foreach (var link in route.Links().Where(l => l.Name.StartsWith(Addressing.VethPrefix, StringComparison.Ordinal) && !names.Contains(l.Name)))
            route.DeleteLink(link.Name);
        if (!Directory.Exists(directory))
            return;
        foreach (var path in Directory.GetFiles(directory).Where(p => !known.ContainsKey(Path.GetFileName(p))))
            Namespaces.DeleteNetwork(path);
    }

    private sealed record Cable(string Host, int Number, InterfaceRecord Record)
    {
        public string Inside => $"eth{Number}";

        public MacAddress HostMac => Addressing.NodeMac(Record.Vni, Record.Gateway.GetAddressBytes()[2]);

        public MacAddress InsideMac => Addressing.ContainerMac(Record.Address);
    }

    private static bool IsDefault(ContainerRecord record, int index) =>
        !record.Interfaces[index].Internal && record.Interfaces.Take(index).All(i => i.Internal);

    private void EnsureNamespace(string path)
    {
        Directory.CreateDirectory(directory);
        if (File.Exists(path))
        {
            if (FileSystem.Space(path).MagicType == NamespaceFileSystem)
                return;
            // A crash came between the file and the mount, or a reboot since.
            File.Delete(path);
        }
        Namespaces.CreateNetwork(path);
    }

    private static RouteSocket PrepareInside()
    {
        // What is made from here on is IPv4 only; the loopback device keeps ::1.
        Sysctl.Write("net/ipv6/conf/default/disable_ipv6", "1");
        Sysctl.Write("net/ipv4/ip_unprivileged_port_start", "0");
        Sysctl.Write("net/ipv4/ping_group_range", "0\t2147483647");
        var inside = new RouteSocket();
        inside.SetUp(1);
        return inside;
    }

    private void AddCable(Cable cable, Microsoft.Win32.SafeHandles.SafeFileHandle ns, int mtu)
    {
        // Left by a namespace that is ending.
        route.DeleteLink(cable.Host);
        route.AddVeth(new VethEnd(cable.Host, cable.HostMac), new VethEnd(cable.Inside, cable.InsideMac, ns, FirstIndex + cable.Number), mtu);
    }

    private void ConfigureHostEnd(Cable cable)
    {
        var link = route.FindLink(cable.Host) ?? throw new InvalidOperationException($"{cable.Host} vanished");
        HostInterface.Configure(cable.Host);
        route.SetUp(link.Index);
        route.PutNeighbour(new Neighbour(link.Index, cable.Record.Address, cable.InsideMac));
        route.PutRoute(new Route(new IPNetwork(cable.Record.Address, 32), link.Index, Source: cable.Record.Gateway, Protocol: OverlayDevices.RouteProtocol));
    }

    private static void ConfigureInside(RouteSocket inside, Cable cable, bool isDefault)
    {
        var record = cable.Record;
        var link = inside.FindLink(cable.Inside)!.Index;
        inside.AddAddress(new LinkAddress(link, record.Address, 32));
        inside.SetUp(link);
        inside.PutNeighbour(new Neighbour(link, record.Gateway, cable.HostMac));
        inside.PutRoute(new Route(new IPNetwork(record.Gateway, 32), link));
        inside.PutRoute(new Route(record.Subnet, link, record.Gateway));
        if (isDefault)
            inside.PutRoute(new Route(new IPNetwork(IPAddress.Any, 0), link, record.Gateway));
    }
}
