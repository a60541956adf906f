using Microsoft.Extensions.Logging;
using Orchestrator.Control.Api;
using Orchestrator.Control.Store;
using Orchestrator.Model;

namespace Orchestrator.Control.Membership;

/// <summary>Grows and shrinks the group of servers, at the leader, one at a time. Every step may be repeated.</summary>
internal sealed class ServerList(ReplicatedStore store, Proposals proposals, ILogger logger) : IDisposable
{
    // The commit rule of the Raft layer is right for up to three voters (reference/raft.md, 4.4).
    private const int ServersMax = 3;

    private readonly SemaphoreSlim _oneAtATime = new(1);

    public async Task<IReadOnlyList<ServerMember>> AddAsync(ServerMember server, CancellationToken cancellation)
    {
        await _oneAtATime.WaitAsync(cancellation);
        try
        {
            await store.ReadBarrierAsync(cancellation);
            await ReplaceAsync(server, cancellation);
            await ForgetUnlistedAsync(server, cancellation);
            if (Others(server).Count >= ServersMax)
                throw Refusals.Precondition($"this cluster has {ServersMax} servers already: one server or three; five come later");
            await ChangeMembersAsync(() => store.AddMemberAsync(server.RaftAddress, cancellation));
            await ProposeAsync(new Operation { PutServer = new PutServer { Server = server } }, cancellation);
            Report(server);
            return [.. store.State.Cluster!.Servers];
        }
        finally
        {
            _oneAtATime.Release();
        }
    }

    public async Task RemoveAsync(string id, CancellationToken cancellation)
    {
        await _oneAtATime.WaitAsync(cancellation);
        try
        {
            await store.ReadBarrierAsync(cancellation);
            if (store.State.Cluster!.Servers.FirstOrDefault(s => s.Id == id) is { } server)
                await RemoveAsync(server, cancellation);
        }
        finally
        {
            _oneAtATime.Release();
        }
    }

    public void Dispose() => _oneAtATime.Dispose();

    private List<ServerMember> Others(ServerMember server) => [.. store.State.Cluster!.Servers.Where(s => s.Id != server.Id)];

    // A machine that lost its disk comes back with a new id at an address that is a voter's: what that voter promised is lost, so it must leave first.
    private async Task ReplaceAsync(ServerMember server, CancellationToken cancellation)
    {
        foreach (var older in Others(server).Where(s => s.RaftAddress == server.RaftAddress))
            await RemoveAsync(older, cancellation);
    }

    // A voter that is no listed server: a joiner that was given up half-way.
    private async Task ForgetUnlistedAsync(ServerMember joiner, CancellationToken cancellation)
    {
        var listed = store.State.Cluster!.Servers.Select(s => s.RaftAddress).Append(joiner.RaftAddress);
        foreach (var address in store.Members.Except(listed).ToList())
            await ChangeMembersAsync(() => store.RemoveMemberAsync(address, cancellation));
    }

    private async Task RemoveAsync(ServerMember server, CancellationToken cancellation)
    {
        await ChangeMembersAsync(() => store.RemoveMemberAsync(server.RaftAddress, cancellation));
        await ProposeAsync(new Operation { RemoveServer = new RemoveServer { Id = server.Id } }, cancellation);
        logger.LogInformation("server {Hostname} ({Id}) at {Address} left", server.Hostname, server.Id, server.RaftAddress);
    }

    private void Report(ServerMember server)
    {
        var count = store.State.Cluster!.Servers.Count;
        logger.LogInformation("server {Hostname} ({Id}) at {Address} joined: {Count} servers", server.Hostname, server.Id, server.RaftAddress, count);
        if (count == 2)
            logger.LogWarning("two servers survive the loss of neither: add a third");
    }

    private static async Task ChangeMembersAsync(Func<Task> change)
    {
        try
        {
            await change();
        }
        catch (MembershipException e)
        {
            throw Refusals.Unavailable(e.Message);
        }
    }

    private async Task ProposeAsync(Operation operation, CancellationToken cancellation)
    {
        if ((await proposals.ProposeAsync(operation, "", cancellation)).Refusal is { } refusal)
            throw Refusals.Of(refusal);
    }
}
