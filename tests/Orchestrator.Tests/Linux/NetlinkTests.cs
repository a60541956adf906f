using System.Net;
using System.Text;
using CsCheck;
using Orchestrator.Linux;
using Orchestrator.Linux.Netlink;
using Orchestrator.Tests.Engine.Networks;
using Xunit;

namespace Orchestrator.Tests.Linux;

public sealed class NetlinkTests
{
    [Fact]
    public void Attributes_are_read_as_they_were_written() => Gen.Select(Gen.UShort[1, 1000], Gen.Byte.Array[0, 40]).Array[0, 20].Sample(written =>
    {
        var message = new NetlinkMessage(1, NetlinkFlags.Request, []);
        foreach (var (type, value) in written)
            message.Bytes(type, value);
        var read = new List<(ushort, string)>();
        foreach (var attribute in new NetlinkAttributes(message.ToBytes(1)[16..]))
            read.Add((attribute.Type, Convert.ToHexString(attribute.Value)));
        return read.SequenceEqual(written.Select(w => (w.Item1, Convert.ToHexString(w.Item2))));
    });

    [Fact]
    public void Garbage_attributes_end_the_walk() => Gen.Byte.Array[0, 100].Sample(bytes =>
    {
        var count = 0;
        foreach (var attribute in new NetlinkAttributes(bytes))
            count += attribute.Type >= 0 ? 1 : 0;
        return count <= bytes.Length / 4;
    });

    [Fact]
    public void A_nested_attribute_holds_its_content()
    {
        var message = new NetlinkMessage(1, NetlinkFlags.Request, []).Nest(18, info => info.Text(1, "vxlan").Number(2, 7u)).Number(3, 9u).ToBytes(1)[16..];
        var nested = NetlinkAttributes.Find(message, 18);
        Assert.Equal("vxlan\0", Encoding.UTF8.GetString(NetlinkAttributes.Find(nested, 1)));
        Assert.Equal(7u, BitConverter.ToUInt32(NetlinkAttributes.Find(nested, 2)));
        Assert.Equal(9u, BitConverter.ToUInt32(NetlinkAttributes.Find(message, 3)));
    }

    [Fact]
    public void A_MAC_keeps_its_bytes() => Gen.Byte.Array[6].Sample(bytes => MacAddress.FromBytes(bytes).ToBytes().SequenceEqual(bytes));

    [Fact]
    public async Task The_kernels_refusal_says_what_was_asked_and_why()
    {
        Lab.RequireRoot();
        await using var lab = new Lab();
        var host = lab.AddHost(1);
        var e = Assert.Throws<LinuxException>(() => host.Ask(route =>
        {
            route.PutRoute(new Route(IPNetwork.Parse("203.0.113.0/24"), route.FindLink("eth0")!.Index, IPAddress.Parse("198.51.100.1")));
            return true;
        }));
        Assert.StartsWith("put route to 203.0.113.0/24: Nexthop has invalid gateway", e.Message, StringComparison.Ordinal);
        Assert.Equal("ENETUNREACH", Errno.Name(e.Errno));
    }

    [Fact]
    public async Task Nftables_refuses_a_transaction_whole_and_says_what()
    {
        Lab.RequireRoot();
        await using var lab = new Lab();
        var host = lab.AddHost(1);
        var e = await Assert.ThrowsAsync<NftablesException>(() => host.Thread.RunAsync(() =>
        {
            using var nftables = new Nftables();
            nftables.Run("add table ip one\nadd rule ip one nowhere accept\n");
        }));
        Assert.Contains("add rule ip one nowhere accept", e.Message, StringComparison.Ordinal);
        Assert.Equal("", host.Run("nft", "list", "tables"));
    }

    [Fact]
    public async Task What_is_put_in_the_kernel_is_read_back()
    {
        Lab.RequireRoot();
        await using var lab = new Lab();
        lab.AddHost(1).Ask(route =>
        {
            var settings = new VxlanSettings(77, IPAddress.Parse("192.0.2.1"), 4789);
            route.AddVxlan("vx", settings, new MacAddress(0x020000000077), 1400);
            var link = route.FindLink("vx")!;
            Assert.Equal(new Link(link.Index, "vx", "vxlan", false, 1400, new MacAddress(0x020000000077), settings), link);
            route.SetUp(link.Index);
            var address = new LinkAddress(link.Index, IPAddress.Parse("198.51.100.1"), 32);
            var via = new Route(IPNetwork.Parse("10.1.0.0/24"), link.Index, IPAddress.Parse("10.1.0.0"), true, address.Address, 79);
            var nowhere = new Route(IPNetwork.Parse("10.0.0.0/8"), 0, Protocol: 79);
            var neighbour = new Neighbour(link.Index, IPAddress.Parse("10.1.0.0"), new MacAddress(0x0200000000AA));
            var entry = new ForwardingEntry(link.Index, neighbour.Mac, IPAddress.Parse("192.0.2.2"));
            Assert.True(route.AddAddress(address));
            Assert.False(route.AddAddress(address));
            route.PutRoute(via);
            route.PutRoute(nowhere);
            route.PutNeighbour(neighbour);
            route.PutForwardingEntry(entry);
            Assert.Contains(address, route.Addresses());
            Assert.Equal(new HashSet<Route> { via, nowhere }, route.Routes(79).ToHashSet());
            Assert.Equal([neighbour], route.Neighbours());
            Assert.Equal([entry], route.ForwardingEntries());
            Assert.True(route.DeleteForwardingEntry(entry) && route.DeleteNeighbour(neighbour) && route.DeleteRoute(via) && route.DeleteRoute(nowhere) && route.DeleteAddress(address));
            Assert.False(route.DeleteForwardingEntry(entry) || route.DeleteNeighbour(neighbour) || route.DeleteRoute(via) || route.DeleteRoute(nowhere) || route.DeleteAddress(address));
            Assert.True(route.DeleteLink("vx"));
            Assert.False(route.DeleteLink("vx"));
            return true;
        });
    }
}
