using Orchestrator.Control.Store;
using Orchestrator.Model;
using Orchestrator.Transport;

namespace Orchestrator.Control.Membership;

/// <summary>How a server whose state differs from the leader's leaves the group and comes back empty, asking the others by their API.</summary>
internal sealed class Rejoining(ServerDirectory directory, ServerSettings settings, Identity identity)
{
    private static readonly TimeSpan s_attempt = TimeSpan.FromSeconds(30);

    public RejoinSteps Steps => new(LeaveAsync, JoinAsync);

    private async Task LeaveAsync(CancellationToken cancellation)
    {
        using var servers = Others();
        await new Model.Membership.MembershipClient(servers).RemoveServerAsync(
            new RemoveServerRequest { Id = identity.Current.Id }, deadline: DateTime.UtcNow + s_attempt, cancellationToken: cancellation);
    }

    private async Task JoinAsync(CancellationToken cancellation)
    {
        using var servers = Others();
        await new Model.Membership.MembershipClient(servers).AddServerAsync(
            new AddServerRequest { Server = settings.Member(identity.Current.Id) }, deadline: DateTime.UtcNow + s_attempt, cancellationToken: cancellation);
    }

    // The state cannot be asked any more; the context file lists the servers too.
    private ServerChannel Others()
    {
        var others = AdminContext.Load(directory.AdminContext).Servers.Where(address => address != settings.ApiAddress).ToList();
        return others.Count > 0
            ? new ServerChannel(others, identity)
            : throw new InvalidOperationException($"no other server is known to rejoin through (see {directory.AdminContext})");
    }
}
