using Grpc.Core;
using Orchestrator.Control.Store;
using Orchestrator.Model;

namespace Orchestrator.Control.Api;

/// <summary>The calls of the Api service, each passed to the noun that it is about. Reads come after a barrier, so they see every acknowledged write.</summary>
internal sealed class PublicApi(ReplicatedStore store, Stacks stacks, Services services, Nodes nodes, ClusterInfo cluster, Logs logs, Exec exec)
    : Model.Api.ApiBase
{
    public override Task<PlanStackResponse> PlanStack(PlanStackRequest request, ServerCallContext context) =>
        stacks.PlanAsync(request.Spec, context.CancellationToken);

    public override Task<ApplyStackResponse> ApplyStack(ApplyStackRequest request, ServerCallContext context) =>
        stacks.ApplyAsync(request, context.CancellationToken);

    public override Task<RemoveStackResponse> RemoveStack(RemoveStackRequest request, ServerCallContext context) =>
        stacks.RemoveAsync(request, context.CancellationToken);

    public override async Task<ListStacksResponse> ListStacks(ListStacksRequest request, ServerCallContext context) =>
        Stacks.List(await StateAsync(context));

    public override async Task<ListServicesResponse> ListServices(ListServicesRequest request, ServerCallContext context) =>
        Services.List(await StateAsync(context), request.Stack);

    public override Task<ScaleServiceResponse> ScaleService(ScaleServiceRequest request, ServerCallContext context) =>
        services.ScaleAsync(request, context.CancellationToken);

    public override Task<RemoveServiceResponse> RemoveService(RemoveServiceRequest request, ServerCallContext context) =>
        services.RemoveAsync(request, context.CancellationToken);

    public override Task<SteerRolloutResponse> SteerRollout(SteerRolloutRequest request, ServerCallContext context) =>
        services.SteerAsync(request, context.CancellationToken);

    public override async Task<ListReplicasResponse> ListReplicas(ListReplicasRequest request, ServerCallContext context) =>
        Replicas.List(await StateAsync(context), request);

    public override async Task<WhyReplicaResponse> WhyReplica(WhyReplicaRequest request, ServerCallContext context) =>
        Replicas.Why(await StateAsync(context), request.Replica);

    public override async Task<ListNodesResponse> ListNodes(ListNodesRequest request, ServerCallContext context) =>
        Nodes.List(await StateAsync(context));

    public override Task<UpdateNodeResponse> UpdateNode(UpdateNodeRequest request, ServerCallContext context) =>
        nodes.UpdateAsync(request, context.CancellationToken);

    public override Task<RemoveNodeResponse> RemoveNode(RemoveNodeRequest request, ServerCallContext context) =>
        nodes.RemoveAsync(request, context.CancellationToken);

    public override Task<GetClusterInfoResponse> GetClusterInfo(GetClusterInfoRequest request, ServerCallContext context) =>
        Task.FromResult(cluster.Get(request));

    public override Task WatchStack(WatchStackRequest request, IServerStreamWriter<WatchStackResponse> responseStream, ServerCallContext context) =>
        stacks.WatchAsync(request.Stack, responseStream, context.CancellationToken);

    public override Task Logs(LogsRequest request, IServerStreamWriter<LogLine> responseStream, ServerCallContext context) =>
        logs.StreamAsync(request, responseStream, context.CancellationToken);

    public override Task Exec(IAsyncStreamReader<ExecInput> requestStream, IServerStreamWriter<ExecOutput> responseStream, ServerCallContext context) =>
        exec.RunAsync(requestStream, responseStream, context.CancellationToken);

    private async Task<ClusterState> StateAsync(ServerCallContext context)
    {
        if (context.RequestHeaders.GetValue(LeaderForwarding.ConsistencyHeader) != "stale")
            await store.ReadBarrierAsync(context.CancellationToken);
        return store.State;
    }
}
