using Grpc.Core;
using Orchestrator.Control.Store;
using Orchestrator.Model;

namespace Orchestrator.StoreHost;

internal sealed class StoreHolder
{
    public ReplicatedStore? Store { get; set; }

    public ReplicatedStore Opened => Store ?? throw new RpcException(new(StatusCode.Unavailable, "starting"));
}

internal sealed class StoreService(StoreHolder holder) : StoreEndpoint.StoreEndpointBase
{
    public override async Task<ProposeReply> Propose(Change request, ServerCallContext context)
    {
        try
        {
            return new() { Result = await holder.Opened.ProposeAsync(request, context.CancellationToken) };
        }
        catch (Exception e) when (e is NotLeaderException or OutcomeUnknownException)
        {
            return new() { Error = e.Message };
        }
    }

    public override Task<StatusReply> Status(StatusRequest request, ServerCallContext context)
    {
        var state = holder.Opened.State;
        return Task.FromResult(new StatusReply
        {
            Leader = holder.Opened.IsLeader,
            Term = holder.Opened.Term,
            Revision = state.Revision,
            Digest = request.Digest ? Convert.ToHexString(state.Digest()) : "",
            LeaderRaftAddress = holder.Opened.LeaderRaftAddress ?? "",
            Members = { holder.Opened.Members },
        });
    }

    public override async Task<ReadReply> Read(ReadRequest request, ServerCallContext context)
    {
        try
        {
            await holder.Opened.ReadBarrierAsync(context.CancellationToken);
        }
        catch (NotLeaderException)
        {
            return new();
        }
        return new() { Answered = true, Value = holder.Opened.State.Stacks.TryGetValue(request.Stack, out var stack) ? NumberedStack.NumberOf(stack) : 0 };
    }

    public override Task<StackValues> ListValues(StatusRequest request, ServerCallContext context)
    {
        var stacks = holder.Opened.State.Stacks.Values;
        return Task.FromResult(new StackValues { Values = { stacks.Select(s => new StackValue { Stack = s.Name, Value = NumberedStack.NumberOf(s) }) } });
    }

    public override Task<MemberReply> AddMember(MemberRequest request, ServerCallContext context) =>
        ChangeMembersAsync(() => holder.Opened.AddMemberAsync(request.RaftAddress, context.CancellationToken));

    public override Task<MemberReply> RemoveMember(MemberRequest request, ServerCallContext context) =>
        ChangeMembersAsync(() => holder.Opened.RemoveMemberAsync(request.RaftAddress, context.CancellationToken));

    private static async Task<MemberReply> ChangeMembersAsync(Func<Task> change)
    {
        try
        {
            await change();
            return new();
        }
        catch (Exception e) when (e is NotLeaderException or OutcomeUnknownException or MembershipException)
        {
            return new() { Error = e.Message };
        }
    }
}
