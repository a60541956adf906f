using System.Globalization;
using Orchestrator.Model.Applying;
using Orchestrator.Model.Indexes;

namespace Orchestrator.Model.Reconciling;

/// <summary>depends_on: what a service waits for before new replicas of it start. One replica of the dependency is enough to be started or
/// healthy, as its name then answers; completed means every slot.</summary>
internal static class StartCondition
{
    /// <summary>"waits for db: service_healthy", and why that will not come by itself; or null when nothing is waited for.</summary>
    /// <param name="state">The state.</param>
    /// <param name="service">The service that is to start.</param>
    /// <param name="leaving">Ids of replicas that do not count.</param>
    public static string? WaitsFor(ClusterState state, Service service, IReadOnlySet<string> leaving)
    {
        foreach (var dependency in service.Spec.DependsOn)
            if (!IsMet(state, service.Stack, dependency, leaving))
                return $"waits for {dependency.Service}: {Name(dependency.Condition)}{Obstacle(state, service.Stack, dependency)}";
        return null;
    }

    private static string Obstacle(ClusterState state, string stack, Dependency dependency)
    {
        if (state.Services.GetValueOrDefault(ServiceChanges.Id(stack, dependency.Service)) is not { Removing: false } needed)
            return "";
        return state.ReplicasOf(needed.Id).Slots.Values.Select(slot => slot.Newest).FirstOrDefault(r => HasGivenUp(r, needed)) is { } failed
            ? string.Create(CultureInfo.InvariantCulture, $"; {needed.Name}.{failed.Slot} ended with {RestartRule.Reason(failed)} and is not restarted")
            : "";
    }

    private static bool HasGivenUp(Replica? newest, Service needed) =>
        newest is not null && newest.State().IsFinal() && newest.SpecRevision == needed.SpecRevision
        && RestartRule.IsFailure(newest, needed.Spec.Restart) && !RestartRule.After(newest, needed.Spec.Restart).Restart;

    private static bool IsMet(ClusterState state, string stack, Dependency dependency, IReadOnlySet<string> leaving)
    {
        var id = ServiceChanges.Id(stack, dependency.Service);
        if (state.Services.GetValueOrDefault(id) is not { Removing: false } needed)
            return !dependency.Required;
        var (slots, asked) = (state.ReplicasOf(id).Slots, AskedSlots.Of(state, needed));
        return asked.Count == 0 || dependency.Condition switch
        {
            DependencyCondition.ServiceCompletedSuccessfully =>
                slots.Count(s => asked.Contains(s.Key) && HasCompleted(s.Value, needed)) == asked.Count,
            DependencyCondition.ServiceHealthy => slots.Values.Any(s => s.All.Any(r => IsUp(r, leaving) && r.IsServing())),
            _ => slots.Values.Any(s => s.All.Any(r => IsUp(r, leaving) && r.State() is ReplicaState.Running or ReplicaState.Complete)),
        };
    }

    private static bool HasCompleted(SlotReplicas slot, Service service) =>
        slot.Newest is { } newest && newest.State() == ReplicaState.Complete && newest.SpecRevision == service.SpecRevision;

    private static bool IsUp(Replica replica, IReadOnlySet<string> leaving) => replica.Desired == DesiredState.DesiredRunning && !leaving.Contains(replica.Id);

    private static string Name(DependencyCondition condition) => condition switch
    {
        DependencyCondition.ServiceHealthy => "service_healthy",
        DependencyCondition.ServiceCompletedSuccessfully => "service_completed_successfully",
        _ => "service_started",
    };
}
