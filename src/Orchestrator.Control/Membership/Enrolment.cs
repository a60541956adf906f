using Grpc.Core;
using Microsoft.Extensions.Logging;
using Orchestrator.Model;
using Orchestrator.Transport;

namespace Orchestrator.Control.Membership;

/// <summary>How a further server becomes a member: certificate by token first, then a voter by the leader. Both are repeated until they work or are refused.</summary>
internal sealed class Enrolment(ServerDirectory directory, ServerSettings settings, ILogger logger)
{
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(1), s_attempt = TimeSpan.FromSeconds(60);

    /// <exception cref="ServerStartException">Refused.</exception>
    public async Task<Identity> GetIdentityAsync(IReadOnlyList<string> addresses, string? token, CancellationToken cancellation)
    {
        var parsed = ParseToken(token);
        while (true)
        {
            try
            {
                var joined = await Joiner.JoinAsync(addresses, parsed, settings.Hostname, cancellation);
                directory.Joining = [.. addresses.Concat(joined.ServerAddresses).Distinct()];
                return directory.SaveIdentity(joined.Credentials);
            }
            catch (JoinException e) when (!e.IsFinal)
            {
                logger.LogWarning("joining: {Reason}; trying again", e.Message);
                await Task.Delay(s_pause, cancellation);
            }
            catch (JoinException e)
            {
                throw new ServerStartException(e.Message);
            }
        }
    }

    /// <summary>This server's Raft must listen by now.</summary>
    /// <exception cref="ServerStartException">Refused.</exception>
    public async Task BecomeMemberAsync(IReadOnlyList<string> addresses, Identity identity, CancellationToken cancellation)
    {
        using var servers = new ServerChannel(addresses, identity);
        var client = new Model.Membership.MembershipClient(servers);
        var request = new AddServerRequest { Server = settings.Member(identity.Current.Id) };
        while (true)
        {
            try
            {
                var answer = await client.AddServerAsync(request, deadline: DateTime.UtcNow + s_attempt, cancellationToken: cancellation);
                directory.Joining = null;
                logger.LogInformation("a member of the cluster: {Count} servers", answer.Servers.Count);
                return;
            }
            catch (RpcException e) when (e.StatusCode is StatusCode.FailedPrecondition or StatusCode.InvalidArgument or StatusCode.PermissionDenied)
            {
                throw new ServerStartException($"the cluster refuses this server: {e.Status.Detail}");
            }
            catch (RpcException e)
            {
                cancellation.ThrowIfCancellationRequested();
                logger.LogWarning("joining: {Reason}; trying again", e.Status.Detail);
                servers.MoveOn();
                await Task.Delay(s_pause, cancellation);
            }
        }
    }

    private static JoinToken ParseToken(string? token)
    {
        if (token is null)
            throw new ServerStartException("--join needs --token: 'orc cluster info --tokens' on a server prints it");
        if (!JoinToken.TryParse(token, out var parsed, out var error))
            throw new ServerStartException($"--token: {error}");
        return parsed.Role == Role.Server ? parsed : throw new ServerStartException("--token: this is the agents' token; a server needs ORC-1-server-...");
    }
}
