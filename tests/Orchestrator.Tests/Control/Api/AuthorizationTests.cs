using Grpc.Core;
using Grpc.Net.Client;
using Orchestrator.Control.Certificates;
using Orchestrator.Model;
using Orchestrator.Transport;
using Xunit;

namespace Orchestrator.Tests.Control.Api;

public sealed class AuthorizationTests
{
    [Theory]
    [InlineData("/orchestrator.v1.Api/ListStacks", "admin")]
    [InlineData("/orchestrator.v1.Dispatcher/Session", "agent")]
    [InlineData("/orchestrator.v1.Membership/AddServer", "server")]
    [InlineData("/orchestrator.v1.Membership/Renew", "admin agent server")]
    [InlineData("/orchestrator.v1.Joining/Join", "admin agent server nobody")]
    [InlineData("/orchestrator.v1.Other/Call", "")]
    [InlineData("/", "")]
    public void Only_these_roles_may_call(string path, string allowed)
    {
        foreach (var name in new[] { "admin", "agent", "server", "nobody" })
            Assert.Equal(allowed.Split(' ').Contains(name), Permissions.Refusal(path, RoleNames.Parse(name)) is null);
    }

    [Fact]
    public async Task A_role_that_may_not_is_refused_by_the_server()
    {
        await using var group = await ServerGroup.StartAsync(1);
        foreach (var role in new[] { Role.Agent, Role.Server })
            Assert.Equal(StatusCode.PermissionDenied, await ListStatusAsync(group.Channel(role)));
        Assert.Equal(StatusCode.OK, await ListStatusAsync(group.Channel(Role.Admin)));
    }

    [Fact]
    public async Task Only_a_servers_word_is_taken_for_who_its_caller_is()
    {
        await using var group = await ServerGroup.StartAsync(1);
        var claim = new Metadata { { "x-orc-role", "admin" }, { "x-orc-id", "admin" } };
        Assert.Equal(StatusCode.PermissionDenied, await ListStatusAsync(group.Channel(Role.Agent), claim));
        Assert.Equal(StatusCode.OK, await ListStatusAsync(group.Channel(Role.Server), claim));
    }

    [Fact]
    public async Task A_client_without_a_certificate_can_only_join()
    {
        await using var group = await ServerGroup.StartAsync(1);
        using var channel = Open(group, null);
        Assert.Equal(StatusCode.Unauthenticated, await ListStatusAsync(channel.CreateCallInvoker()));
        var authority = await new Joining.JoiningClient(channel).GetAuthorityAsync(new(), cancellationToken: ServerGroup.Deadline);
        Assert.Equal(group.Authority.CertificatePem, authority.CaCertificatePem);
    }

    [Fact]
    public async Task An_expired_certificate_and_one_of_another_cluster_do_not_get_past_the_handshake()
    {
        await using var group = await ServerGroup.StartAsync(1);
        var expired = group.Authority.Issue(Role.Admin, "admin", DateTimeOffset.UtcNow, life: TimeSpan.FromMinutes(-30));
        var foreign = CertificateAuthority.Create("other", DateTimeOffset.UtcNow).Issue(Role.Admin, "admin", DateTimeOffset.UtcNow);
        foreach (var credentials in new[] { expired, foreign })
        {
            using var channel = Open(group, credentials);
            Assert.NotEqual(StatusCode.OK, await ListStatusAsync(channel.CreateCallInvoker()));
        }
        Assert.Equal(StatusCode.OK, await ListStatusAsync(group.Channel(Role.Admin)));
    }

    [Fact]
    public async Task A_renewed_certificate_says_the_same_and_lives_longer()
    {
        await using var group = await ServerGroup.StartAsync(1);
        var old = group.Authority.Issue(Role.Agent, "node1", DateTimeOffset.UtcNow, life: TimeSpan.FromDays(1));
        var identity = new Identity(old);
        using var channel = new ServerChannel([group.Servers[0].ApiAddress], identity);

        await new CertificateRenewal(identity, channel, TimeProvider.System).RenewAsync(ServerGroup.Deadline);

        Assert.Equal(old.Subject, identity.Current.Subject);
        Assert.True(identity.Current.Certificate.NotAfter > old.Certificate.NotAfter.AddDays(50));
    }

    private static GrpcChannel Open(ServerGroup group, Credentials? credentials) => GrpcChannel.ForAddress("http://server", new GrpcChannelOptions
    {
        HttpHandler = new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancellation) => await Tls.ConnectAsync(
                group.Servers[0].ApiAddress, Tls.ClientOptions(credentials, _ => true), TimeSpan.FromSeconds(5), cancellation),
        },
    });

    private static async Task<StatusCode> ListStatusAsync(CallInvoker invoker, Metadata? headers = null)
    {
        try
        {
            await new Orchestrator.Model.Api.ApiClient(invoker).ListStacksAsync(new(), headers, cancellationToken: ServerGroup.Deadline);
            return StatusCode.OK;
        }
        catch (RpcException e)
        {
            return e.StatusCode;
        }
    }
}
