using System.Net;
using CsCheck;
using Orchestrator.Engine.Networks;
using Xunit;

namespace Orchestrator.Tests.Engine.Networks;

public sealed class AddressingTests
{
    private static readonly IPNetwork s_subnet = IPNetwork.Parse("10.160.0.0/16");

    [Fact]
    public void Device_names_fit_the_kernel() => Gen.Select(Gen.UInt[1, 0xFFFFFF], Gen.String, Gen.String).Sample((vni, container, network) =>
        Addressing.Device(vni).Length <= 15 && Addressing.Veth(container, network).Length <= 15);

    [Fact]
    public void Node_MACs_differ_and_are_locally_administered() =>
        Gen.Select(Gen.UInt[1, 0xFFFFFF], Gen.UInt[1, 0xFFFFFF], Gen.Int[16, 255], Gen.Int[16, 255]).Sample((vni, otherVni, block, otherBlock) =>
            (Addressing.NodeMac(vni, block).ToBytes()[0] & 3) == 2
            && (Addressing.NodeMac(vni, block) == Addressing.NodeMac(otherVni, otherBlock)) == (vni == otherVni && block == otherBlock));

    [Fact]
    public void An_address_given_out_is_free_and_in_the_nodes_block() =>
        Gen.Select(Gen.Int[0, 255].HashSet[0, 253], Gen.Int[0, 254]).Sample((hosts, last) =>
        {
            var taken = hosts.Select(h => Addressing.Address(s_subnet, 16, h)).ToHashSet();
            var chosen = AddressPool.Choose(s_subnet, 16, taken, last);
            return chosen is null
                ? Enumerable.Range(2, 253).All(hosts.Contains)
                : !taken.Contains(chosen) && Addressing.Block(s_subnet, 16).Contains(chosen) && chosen.GetAddressBytes()[3] is >= 2 and <= 254;
        });

    [Fact]
    public void A_released_address_is_the_last_to_be_given_out_again()
    {
        var last = 0;
        var given = new List<IPAddress>();
        for (var i = 0; i < 253; i++)
        {
            given.Add(AddressPool.Choose(s_subnet, 16, new HashSet<IPAddress>(), last)!);
            last = given[^1].GetAddressBytes()[3];
        }
        Assert.Equal(253, given.Distinct().Count());
    }

    [Theory]
    [InlineData(15, "10.160.0.0/16", 1, "node block 15 is not within 16..255")]
    [InlineData(16, "10.160.0.0/24", 1, "network n: subnet 10.160.0.0/24 is not an IPv4 /16")]
    [InlineData(16, "10.160.0.0/16", 0, "network n: VXLAN identifier 0 is not within 1..16777215")]
    [InlineData(16, "10.160.0.0/16", 1, null)]
    public void A_contradictory_plan_is_refused(int block, string subnet, uint vni, string? refusal) =>
        Assert.Equal(refusal, Addressing.Refusal(new NetworkPlan(block, IPAddress.Loopback, [new ClusterNetwork("n", vni, IPNetwork.Parse(subnet), false)], [])));

    [Fact]
    public void Two_networks_cannot_share_a_subnet() => Assert.Equal("networks a and b have the same subnet or VXLAN identifier", Addressing.Refusal(
        new NetworkPlan(16, IPAddress.Loopback, [new ClusterNetwork("a", 1, s_subnet, false), new ClusterNetwork("b", 2, s_subnet, false)], [])));
}
