using System.Net;
using Microsoft.Win32.SafeHandles;
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
        using var inside = EnsureNamespace(path);
        using var ns = FileSystem.Open(path, OpenFlags.ReadOnly);
        var cables = record.Interfaces.Select((r, i) => new Cable(Addressing.Veth(containerId, r.NetworkId), i, r)).ToList();
        foreach (var cable in cables)
        {
            AddCable(cable, ns, inside, mtu);
            ConfigureHostEnd(cable);
        }
        // The kernel heeds a number that is asked for an inside end only when one is asked for the outer end too.
        var links = cables.ConvertAll(c => inside.FindLink(c.Inside)?.Index ?? throw new InvalidOperationException($"{c.Inside} of {containerId} vanished"));
        inside.Together(() =>
        {
            inside.SetUp(1);
            foreach (var cable in cables)
                ConfigureInside(inside, links[cable.Number], cable, IsDefault(record, cable.Number));
        });
    }

    /// <summary>Whether packets pass; before that the kernel drops them.</summary>
    public bool AreRunning(string containerId, ContainerRecord record) =>
        record.Interfaces.All(i => route.FindLink(Addressing.Veth(containerId, i.NetworkId)) is not { Running: false });

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

    private RouteSocket EnsureNamespace(string path)
    {
        if (File.Exists(path))
        {
            if (FileSystem.Space(path).MagicType == NamespaceFileSystem)
                return Namespaces.InNetwork(path, PrepareInside);
            // A crash came between the file and the mount, or a reboot since.
            File.Delete(path);
        }
        Directory.CreateDirectory(directory);
        return Namespaces.CreateNetwork(path, PrepareInside);
    }

    private static RouteSocket PrepareInside()
    {
        // What is made from here on is IPv4 only; the loopback device keeps ::1.
        Sysctl.Put("net/ipv6/conf/default/disable_ipv6", "1");
        Sysctl.Put("net/ipv4/ip_unprivileged_port_start", "0");
        Sysctl.Put("net/ipv4/ping_group_range", "0\t2147483647");
        return new RouteSocket();
    }

    private void AddCable(Cable cable, SafeFileHandle ns, RouteSocket inside, int mtu)
    {
        bool Add() => route.AddVeth(new VethEnd(cable.Host, cable.HostMac), new VethEnd(cable.Inside, cable.InsideMac, ns, FirstIndex + cable.Number), mtu);
        if (Add() || inside.FindLink(cable.Inside) is not null)
            return;
        // Left by a namespace that is ending.
        route.DeleteLink(cable.Host);
        Add();
    }

    private void ConfigureHostEnd(Cable cable)
    {
        var link = route.FindLink(cable.Host) ?? throw new InvalidOperationException($"{cable.Host} vanished");
        HostInterface.Configure(cable.Host);
        route.Together(() =>
        {
            route.SetUp(link.Index);
            route.PutNeighbour(new Neighbour(link.Index, cable.Record.Address, cable.InsideMac));
            route.PutRoute(new Route(new IPNetwork(cable.Record.Address, 32), link.Index, Source: cable.Record.Gateway, Protocol: OverlayDevices.RouteProtocol));
        });
    }

    private static void ConfigureInside(RouteSocket inside, int link, Cable cable, bool isDefault)
    {
        var record = cable.Record;
        inside.AddAddress(new LinkAddress(link, record.Address, 32));
        inside.SetUp(link);
        inside.PutNeighbour(new Neighbour(link, record.Gateway, cable.HostMac));
        inside.PutRoute(new Route(new IPNetwork(record.Gateway, 32), link));
        inside.PutRoute(new Route(record.Subnet, link, record.Gateway));
        if (isDefault)
            inside.PutRoute(new Route(new IPNetwork(IPAddress.Any, 0), link, record.Gateway));
    }
}
