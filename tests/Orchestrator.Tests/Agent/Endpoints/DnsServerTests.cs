using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Orchestrator.Agent.Endpoints;
using Orchestrator.Engine.Networks;
using Orchestrator.Linux;
using Orchestrator.Model;
using Orchestrator.Tests.Engine.Networks;
using Xunit;

namespace Orchestrator.Tests.Agent.Endpoints;

public sealed class DnsServerTests : IAsyncLifetime
{
    private static readonly ClusterNetwork s_web = new("shop_default", 100, IPNetwork.Parse("10.160.0.0/16"), false);
    private readonly string _resolvConf = Path.GetTempFileName();
    private Lab _lab = null!;
    private LabHost _a = null!;
    private DnsServer _dns = null!;
    private Attachment _one = null!;

    public async ValueTask InitializeAsync()
    {
        Lab.RequireRoot();
        _lab = new Lab();
        (_a, _) = await _lab.AddPairAsync(s_web);
        _one = await _a.AttachAsync("one", s_web.Id);
        _dns = new DnsServer(_a.Networks, _a.Thread, NullLogger<DnsServer>.Instance, _resolvConf);
        await _dns.UpdateAsync([new ServiceEndpoint
        {
            ServiceId = "shop/web", Stack = "shop", Name = "web",
            Networks = { new EndpointNetwork { NetworkId = s_web.Id, VirtualIp = "10.160.0.5" } },
        }]);
    }

    public async ValueTask DisposeAsync()
    {
        File.Delete(_resolvConf);
        if (_dns is not null)
            await _dns.DisposeAsync();
        if (_lab is not null)
            await _lab.DisposeAsync();
    }

    [Fact]
    public void A_container_finds_services_by_UDP_and_TCP()
    {
        Assert.Equal("10.160.0.5", LastAddress(AskUdp("web")));
        Assert.Equal("10.160.0.5", LastAddress(AskTcp("web")));
    }

    [Fact]
    public void Garbage_is_left_unanswered_and_the_next_question_is_answered()
    {
        using var socket = Client.UdpSocket(_one.NetnsPath, _one.DnsServer!, 53);
        socket.Send([1, 2, 3]);
        socket.Send(new byte[600]);
        Assert.Equal("10.160.0.5", LastAddress(AskUdp("web")));
    }

    [Fact]
    public async Task Other_names_are_asked_of_the_machines_own_servers_and_never_of_itself()
    {
        var outside = _lab.AddHost(9);
        using var upstream = Namespaces.InNetwork(outside.NetnsPath, () => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
        upstream.Bind(new IPEndPoint(outside.Address, 53));
        await File.WriteAllTextAsync(_resolvConf, $"nameserver {_one.DnsServer}\nnameserver {outside.Address}\n", TestContext.Current.CancellationToken);
        var answering = AnswerOnce(upstream);
        Assert.Equal("203.0.113.7", LastAddress(AskUdp("example.org")));
        await answering;
    }

    [Fact]
    public async Task A_container_with_servers_of_its_own_still_finds_services_and_asks_those_for_the_rest()
    {
        var outside = _lab.AddHost(9);
        using var upstream = Namespaces.InNetwork(outside.NetnsPath, () => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
        upstream.Bind(new IPEndPoint(outside.Address, 53));
        _dns.SetServers(_one.Addresses[s_web.Id], [_one.DnsServer!, outside.Address]);
        Assert.Equal("10.160.0.5", LastAddress(AskUdp("web")));
        var answering = AnswerOnce(upstream);
        Assert.Equal("203.0.113.7", LastAddress(AskUdp("example.org")));
        await answering;
        _dns.ForgetServers(_one.Addresses[s_web.Id]);
        Assert.Equal((byte)DnsCode.NameError, AskUdp("example.org")[3] & 0xF);
    }

    [Fact]
    public void Without_servers_to_ask_an_unknown_name_does_not_exist() => Assert.Equal((byte)DnsCode.NameError, AskUdp("example.org")[3] & 0xF);

    private static async Task AnswerOnce(Socket upstream)
    {
        var buffer = new byte[512];
        var received = await upstream.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0), TestContext.Current.CancellationToken);
        var query = DnsMessage.ParseQuery(buffer.AsSpan(0, received.ReceivedBytes))!;
        await upstream.SendToAsync(
            DnsMessage.Answer(query, DnsCode.NoError, [IPAddress.Parse("203.0.113.7")], 60, 512), received.RemoteEndPoint, TestContext.Current.CancellationToken);
    }

    private static string LastAddress(byte[] answer) => new IPAddress(answer.AsSpan(answer.Length - 4)).ToString();

    private byte[] AskUdp(string name)
    {
        using var socket = Client.UdpSocket(_one.NetnsPath, _one.DnsServer!, 53);
        socket.Send(DnsMessage.Query(7, name, DnsMessage.TypeA));
        var buffer = new byte[512];
        return buffer[..socket.Receive(buffer)];
    }

    private byte[] AskTcp(string name)
    {
        using var socket = Namespaces.InNetwork(_one.NetnsPath, () => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        socket.ReceiveTimeout = 2000;
        socket.Connect(_one.DnsServer!, 53);
        var query = DnsMessage.Query(7, name, DnsMessage.TypeA);
        socket.Send([0, (byte)query.Length, .. query]);
        var buffer = new byte[512];
        return buffer[2..socket.Receive(buffer)];
    }
}
