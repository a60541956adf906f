using System.Net;
using CsCheck;
using Orchestrator.Agent.Endpoints;
using Orchestrator.Model;
using Xunit;

namespace Orchestrator.Tests.Agent.Endpoints;

public sealed class DnsMessageTests
{
    private static readonly DnsAsker s_asker = new(["shop_default"], true);

    private static readonly DnsZone s_zone = new([new ServiceEndpoint
    {
        ServiceId = "shop/web", Stack = "shop", Name = "web",
        Networks =
        {
            new EndpointNetwork
            {
                NetworkId = "shop_default", VirtualIp = "10.160.0.5", Aliases = { "www" },
                Backends = { new Backend { Address = "10.160.16.2" }, new Backend { Address = "10.160.17.2" } },
            },
            new EndpointNetwork { NetworkId = "shop_back", VirtualIp = "10.161.0.5" },
        },
    }]);

    private static readonly Gen<string> s_name =
        Gen.Char["abcdefghijklmnopqrstuvwxyz0123456789-_"].Array[1, 20].Select(c => new string(c)).Array[1, 6].Select(l => string.Join('.', l));

    [Fact]
    public void A_query_is_read_as_it_was_written() => Gen.Select(Gen.UShort, s_name, Gen.UShort).Sample((id, name, type) =>
    {
        var query = DnsMessage.ParseQuery(DnsMessage.Query(id, name, type));
        return query is not null && query.Id == id && query.Name == name && query.Type == type && query.RecursionDesired && !query.HasEdns;
    });

    [Fact]
    public void Garbage_never_throws() => Gen.Byte.Array[0, 600].Sample(bytes => { DnsResolver.Decide(s_zone, s_asker, bytes); });

    [Fact]
    public void A_damaged_query_never_throws() => Gen.Select(s_name, Gen.Int[0, 200], Gen.Byte, Gen.Int[0, 200]).Sample((name, at, value, cut) =>
    {
        var bytes = DnsMessage.Query(1, name, 1);
        bytes[at % bytes.Length] = value;
        DnsResolver.Decide(s_zone, s_asker, bytes.AsSpan(0, cut % (bytes.Length + 1)));
    });

    [Fact]
    public void An_answer_is_never_longer_than_the_asker_takes() => Gen.Select(s_name, Gen.Int[0, 300]).Sample((name, count) =>
    {
        var query = DnsMessage.ParseQuery(DnsMessage.Query(1, name, 1))!;
        var addresses = Enumerable.Range(0, count).Select(i => new IPAddress(new byte[] { 10, 160, 16, (byte)i })).ToArray();
        var answer = DnsMessage.Answer(query, DnsCode.NoError, addresses, 2, query.PayloadSize);
        var truncated = (answer[2] & 2) != 0;
        return answer.Length <= 512 && truncated == (Addresses(answer).Length < count);
    });

    [Theory]
    [InlineData("web", "10.160.0.5")]
    [InlineData("WEB", "10.160.0.5")]
    [InlineData("web.shop", "10.160.0.5")]
    [InlineData("www", "10.160.0.5")]
    [InlineData("tasks.web", "10.160.16.2 10.160.17.2")]
    [InlineData("tasks.web.shop", "10.160.16.2 10.160.17.2")]
    public void A_service_is_known_by_its_names(string name, string addresses) =>
        Assert.Equal(addresses, string.Join(' ', Addresses(Reply(name, 1)).Order(StringComparer.Ordinal)));

    [Fact]
    public void A_container_learns_the_names_of_all_its_networks_and_of_no_other()
    {
        var both = new DnsAsker(["shop_back", "shop_default"], true);
        var reply = Assert.IsType<DnsDecision.Reply>(DnsResolver.Decide(s_zone, both, DnsMessage.Query(1, "web", 1)));
        Assert.Equal(["10.160.0.5", "10.161.0.5"], Addresses(reply.Message).Order(StringComparer.Ordinal));
        Assert.IsType<DnsDecision.Forward>(DnsResolver.Decide(s_zone, new DnsAsker(["other"], true), DnsMessage.Query(1, "web", 1)));
        var refusal = Assert.IsType<DnsDecision.Reply>(DnsResolver.Decide(s_zone, new DnsAsker(["other"], false), DnsMessage.Query(1, "web", 1)));
        Assert.Equal(DnsCode.NameError, Code(refusal.Message));
    }

    [Fact]
    public void A_known_name_has_no_IPv6_address_but_exists()
    {
        var answer = Reply("web", DnsMessage.TypeAaaa);
        Assert.Equal((DnsCode.NoError, 0), (Code(answer), Addresses(answer).Length));
    }

    [Fact]
    public void Addresses_have_names()
    {
        var answer = Reply("2.16.160.10.in-addr.arpa", DnsMessage.TypePtr);
        Assert.Equal("\u0003web\u0004shop\0", System.Text.Encoding.ASCII.GetString(answer[^10..]));
    }

    private static byte[] Reply(string name, ushort type) =>
        Assert.IsType<DnsDecision.Reply>(DnsResolver.Decide(s_zone, s_asker, DnsMessage.Query(7, name, type))).Message;

    private static DnsCode Code(byte[] answer) => (DnsCode)(answer[3] & 0xF);

    // Every record of ours is an address of 16 bytes behind the question.
    private static string[] Addresses(byte[] answer)
    {
        var count = (answer[6] << 8) | answer[7];
        return [.. Enumerable.Range(1, count).Select(i => new IPAddress(answer.AsSpan(answer.Length - (16 * (count - i)) - 4, 4)).ToString())];
    }
}
