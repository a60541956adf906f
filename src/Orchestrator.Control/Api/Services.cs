using Orchestrator.Control.Store;
using Orchestrator.Model;
using Orchestrator.Model.Reconciling;

namespace Orchestrator.Control.Api;

internal sealed class Services(ReplicatedStore store, Proposals proposals)
{
    private const int ReplicasMax = 10_000;

    public static ListServicesResponse List(ClusterState state, string stack) => new()
    {
        Services = { state.Services.Values.Where(s => stack.Length == 0 || s.Stack == stack).Select(s => StatusOf(state, s)) },
    };

    public async Task<ScaleServiceResponse> ScaleAsync(ScaleServiceRequest request, CancellationToken cancellation)
    {
        if (request.Replicas is < 0 or > ReplicasMax)
            throw Refusals.Invalid($"service {request.Service}: {request.Replicas} replicas; expected 0 to {ReplicasMax}");
        await store.ReadBarrierAsync(cancellation);
        var service = Lookup.Service(store.State, request.Service);
        var scale = new Operation { ScaleService = new ScaleService { ServiceId = service.Id, Replicas = request.Replicas } };
        var result = await proposals.ProposeAsync(scale, request.RequestId, cancellation);
        return result.Refusal is null ? new ScaleServiceResponse { Revision = result.Revision } : throw Refusals.Of(result.Refusal);
    }

    public async Task<RemoveServiceResponse> RemoveAsync(RemoveServiceRequest request, CancellationToken cancellation)
    {
        await store.ReadBarrierAsync(cancellation);
        var service = Lookup.Service(store.State, request.Service);
        var remove = new Operation { RemoveService = new RemoveService { ServiceId = service.Id } };
        var result = await proposals.ProposeAsync(remove, request.RequestId, cancellation);
        return result.Refusal is null ? new RemoveServiceResponse { Revision = result.Revision } : throw Refusals.Of(result.Refusal);
    }

    public async Task<SteerRolloutResponse> SteerAsync(SteerRolloutRequest request, CancellationToken cancellation)
    {
        await store.ReadBarrierAsync(cancellation);
        var id = Lookup.Service(store.State, request.Service).Id;
        var steer = new Operation { SteerRollout = new SteerRollout { ServiceId = id, Verb = request.Verb, ToVersion = request.ToVersion } };
        var result = await proposals.ProposeAsync(steer, request.RequestId, cancellation);
        return result.Refusal is null
            ? new SteerRolloutResponse { Revision = result.Revision, Service = store.State.Services.GetValueOrDefault(id) }
            : throw Refusals.Of(result.Refusal);
    }

    public static ServiceStatus StatusOf(ClusterState state, Service service) => new()
    {
        Service = service,
        Asked = AskedSlots.Of(state, service).Count,
        Running = state.ReplicasOf(service.Id).All.Count(r =>
            r.IsServing() && r.Desired == DesiredState.DesiredRunning && r.SpecRevision == service.SpecRevision),
    };
}
