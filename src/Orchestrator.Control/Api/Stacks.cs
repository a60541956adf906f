using Grpc.Core;
using Orchestrator.Control.Leading;
using Orchestrator.Control.Store;
using Orchestrator.Model;
using Orchestrator.Model.Planning;
using Orchestrator.Model.Validation;

namespace Orchestrator.Control.Api;

internal sealed class Stacks(ReplicatedStore store, Proposals proposals, Images images, Leader leader)
{
    // A watcher wants to see that something moves, not every step.
    private static readonly TimeSpan s_watchPause = TimeSpan.FromMilliseconds(20);

    public async Task<PlanStackResponse> PlanAsync(StackSpec? spec, CancellationToken cancellation)
    {
        var (resolved, state, warnings) = await ResolveAsync(spec, cancellation);
        var (actions, placement) = (StackPlan.Compute(state, resolved), PlacementPreview.Of(state, resolved));
        foreach (var action in actions.Where(a => a.Kind == "service"))
            action.Placement.AddRange(placement.GetValueOrDefault(action.Name, []));
        return new PlanStackResponse { Resolved = resolved, Actions = { actions }, Warnings = { warnings } };
    }

    public async Task<ApplyStackResponse> ApplyAsync(ApplyStackRequest request, CancellationToken cancellation)
    {
        var (resolved, state, warnings) = await ResolveAsync(request.Spec, cancellation);
        var actions = StackPlan.Compute(state, resolved);
        var expected = state.Stacks.GetValueOrDefault(resolved.Name)?.Revision ?? 0;
        var put = new Operation { PutStack = new PutStack { Spec = resolved, ExpectedRevision = expected } };
        var result = await proposals.ProposeAsync(put, request.RequestId, cancellation);
        if (result.Refusal is not { } refusal)
            return new ApplyStackResponse { Revision = result.Revision, Actions = { actions }, Warnings = { warnings } };
        throw refusal.Kind == RefusalKind.Conflict && store.State.Stacks.GetValueOrDefault(resolved.Name)?.Revision != expected
            ? new RpcException(new Status(StatusCode.Aborted, refusal.Message))
            : Refusals.Of(refusal);
    }

    public async Task<RemoveStackResponse> RemoveAsync(RemoveStackRequest request, CancellationToken cancellation)
    {
        var remove = new Operation { RemoveStack = new RemoveStack { Name = request.Name } };
        var result = await proposals.ProposeAsync(remove, request.RequestId, cancellation);
        return result.Refusal is null ? new RemoveStackResponse { Revision = result.Revision } : throw Refusals.Of(result.Refusal);
    }

    public static ListStacksResponse List(ClusterState state) => new() { Stacks = { state.Stacks.Values } };

    /// <summary>Until the caller leaves or this server is no longer leader: one that is cut off would show the same for ever.</summary>
    public async Task WatchAsync(string stack, IServerStreamWriter<WatchStackResponse> responses, CancellationToken cancellation)
    {
        var work = await leader.CurrentAsync(cancellation);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation, work.Lost);
        await store.ReadBarrierAsync(stop.Token);
        await ShowAsync(stack, responses, stop.Token);
    }

    private async Task ShowAsync(string stack, IServerStreamWriter<WatchStackResponse> responses, CancellationToken cancellation)
    {
        var state = store.State;
        WatchStackResponse? sent = null;
        while (true)
        {
            var seen = Seen(state, stack);
            var revision = seen.Revision;
            // The revision moves with every change of anything: it is no news by itself.
            seen.Revision = sent?.Revision ?? 0;
            if (!seen.Equals(sent))
            {
                seen.Revision = revision;
                await responses.WriteAsync(seen, cancellation);
                sent = seen;
            }
            await Task.Delay(s_watchPause, cancellation);
            state = await store.WaitForRevisionAfterAsync(state.Revision, cancellation);
        }
    }

    internal static WatchStackResponse Seen(ClusterState state, string stack)
    {
        var services = state.Services.Values.Where(s => s.Stack == stack).ToList();
        return new WatchStackResponse
        {
            Revision = state.Revision,
            Exists = state.Stacks.ContainsKey(stack),
            Services = { services.Select(s => Services.StatusOf(state, s)) },
            Replicas = { services.SelectMany(s => state.ReplicasOf(s.Id).All) },
        };
    }

    private async Task<(StackSpec Resolved, ClusterState State, IReadOnlyList<string> Warnings)> ResolveAsync(StackSpec? spec, CancellationToken cancellation)
    {
        if (spec is null)
            throw Refusals.Invalid("stack: spec is missing");
        var resolved = spec.Clone();
        if (StackValidation.Validate(resolved, store.State) is { Count: > 0 } errors)
            throw Refusals.Invalid(string.Join("\n", errors));
        var warnings = await images.ResolveAsync(resolved, store.State, cancellation);
        await store.ReadBarrierAsync(cancellation);
        return (resolved, store.State, warnings);
    }
}
