using Orchestrator.Compose.Fields;
using Orchestrator.Model;

namespace Orchestrator.Compose.Services;

internal static class DependencyReader
{
    private static readonly Keys<Dependency> s_keys = new("a dependency")
    {
        { "condition", (f, d) => d.Condition = ReadCondition(f) },
        { "restart", (f, _) => f.RefuseIf(f.Flag() == true, "is not supported: a service keeps running when one that it depends on is replaced; leave it out") },
        { "required", (f, d) => d.Required = f.Flag() ?? true },
    };

    public static void Read(Field field, ServiceDraft service)
    {
        foreach (var item in field.IsList ? field.Items() : field.Entries("a list of services, or a mapping of services to conditions"))
        {
            var dependency = new Dependency { Service = field.IsList ? item.Text("the name of a service") ?? "" : item.Key, Required = true };
            if (!field.IsList)
                s_keys.Read(item, dependency);
            if (dependency.Service.Length > 0)
                Add(item, dependency, service);
        }
    }

    private static void Add(Field item, Dependency dependency, ServiceDraft service)
    {
        if (service.Spec.DependsOn.Any(d => d.Service == dependency.Service))
            item.RefuseKey($"names \"{dependency.Service}\" twice; keep one");
        service.Spec.DependsOn.Add(dependency);
        service.Stack.Afterwards(() =>
        {
            if (service.Stack.HasService(dependency.Service))
                return;
            if (dependency.Required && service.Stack.Inactive.Contains(dependency.Service))
                item.RefuseKey($"the service \"{dependency.Service}\" is not active, as nobody asked for one of its profiles; ask for one, or write required: false");
            else if (dependency.Required)
                item.RefuseKey($"there is no service \"{dependency.Service}\" in this file; write one of {string.Join(", ", service.Stack.Spec.Services.Select(s => s.Name))}, or required: false");
            else
                service.Spec.DependsOn.Remove(dependency);
        });
    }

    private static DependencyCondition ReadCondition(Field field) =>
        field.OneOf("service_started", "service_healthy", "service_completed_successfully") switch
        {
            "service_healthy" => DependencyCondition.ServiceHealthy,
            "service_completed_successfully" => DependencyCondition.ServiceCompletedSuccessfully,
            _ => DependencyCondition.ServiceStarted,
        };
}
