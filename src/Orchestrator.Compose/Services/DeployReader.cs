using Orchestrator.Compose.Fields;
using Orchestrator.Model;

namespace Orchestrator.Compose.Services;

internal static class DeployReader
{
    private static readonly Keys<ServiceDraft> s_keys = new("deploy")
    {
        { "mode", ReadMode },
        { "replicas", (f, s) => s.Spec.Replicas = (s.DeployReplicas = f.Integer(0)) ?? 1 },
        { "labels", (f, s) => KeyValues.ReadLabels(f, s.Spec.Labels) },
        { "endpoint_mode", (f, _) => ReadEndpointMode(f) },
        { "resources", ReadResources },
        { "placement", (f, s) => PlacementReader.Read(f, s) },
        { "restart_policy", RestartReader.ReadPolicy },
        { "update_config", (f, s) => s.Spec.Update = RolloutReader.ReadUpdate(f) },
        { "rollback_config", (f, s) => s.Spec.Rollback = RolloutReader.ReadRollback(f) },
    };

    private static readonly Keys<ServiceSpec> s_resourceKeys = new("resources")
    {
        { "limits", (f, s) => s_limitKeys!.Read(f, s.Limits ??= new Resources()) },
        { "reservations", (f, s) => s_reservationKeys!.Read(f, s.Reservations ??= new Resources()) },
    };

    private static readonly Keys<Resources> s_limitKeys = new("limits", UnsupportedKeys.Resources)
    {
        { "cpus", (f, r) => r.NanoCpus = ValueReaders.NanoCpus(f) ?? 0 },
        { "memory", (f, r) => r.MemoryBytes = ValueReaders.Bytes(f) ?? 0 },
        { "pids", (f, r) => r.Pids = f.Integer(1) ?? 0 },
    };

    private static readonly Keys<Resources> s_reservationKeys = new("reservations", UnsupportedKeys.Resources)
    {
        { "cpus", (f, r) => r.NanoCpus = ValueReaders.NanoCpus(f) ?? 0 },
        { "memory", (f, r) => r.MemoryBytes = ValueReaders.Bytes(f) ?? 0 },
        { "generic_resources", GenericResourceReader.Read },
        { "devices", GenericResourceReader.ReadDevices },
    };

    public static void Read(Field field, ServiceDraft service) => s_keys.Read(field, service);

    private static void ReadEndpointMode(Field field)
    {
        if (field.Written("vip") == "dnsrr")
            field.Refuse("got \"dnsrr\", which is not supported: every service has a virtual IP, and tasks.SERVICE resolves to its replicas");
        else
            field.OneOf("vip");
    }

    private static void ReadMode(Field field, ServiceDraft service)
    {
        var mode = field.OneOf("replicated", "global", "replicated-job", "global-job");
        if (mode is "global" or "global-job")
            service.Spec.Mode = ServiceMode.Global;
        service.Stack.Afterwards(() =>
        {
            if (service is { Spec.Mode: ServiceMode.Global, DeployReplicas: not null })
                field.Refuse($"got \"{mode}\", but deploy.replicas is given; a global service runs once on every node");
            // A job that has done its work is not begun again.
            if (mode is "replicated-job" or "global-job" && (service.Spec.Restart ??= new RestartPolicy()).Condition == RestartCondition.Any)
                service.Spec.Restart.Condition = RestartCondition.OnFailure;
        });
    }

    private static void ReadResources(Field field, ServiceDraft service)
    {
        s_resourceKeys.Read(field, service.Spec);
        CheckReservations(field, service.Spec);
    }

    public static void CheckReservations(Field field, ServiceSpec spec)
    {
        if (spec is not { Limits: { } limits, Reservations: { } reservations })
            return;
        if (limits.NanoCpus > 0 && reservations.NanoCpus > limits.NanoCpus)
            field.RefuseKey($"reserves {Amount.Cpus(reservations.NanoCpus)}, but its limit is {Amount.Cpus(limits.NanoCpus)}; a reservation cannot be above the limit");
        if (limits.MemoryBytes > 0 && reservations.MemoryBytes > limits.MemoryBytes)
            field.RefuseKey($"reserves {Amount.Bytes(reservations.MemoryBytes)} of memory, but its limit is {Amount.Bytes(limits.MemoryBytes)}; a reservation cannot be above the limit");
    }
}
