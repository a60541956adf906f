using Orchestrator.Compose.Fields;
using Orchestrator.Model;

namespace Orchestrator.Compose.Services;

/// <summary>A name for the one container of a service. Here it is one more name of the service in its networks.</summary>
internal static class ContainerNameReader
{
    public static void Read(Field field, ServiceDraft service)
    {
        if (field.Text("a name") is not { } name)
            return;
        if (!StackReader.IsName(name.Replace('.', '-')))
            field.Expected("a name of letters, digits, -, _ and .");
        else if (!service.Stack.ContainerNames.Add(name))
            field.Refuse($"another service of this stack has the container_name \"{name}\" too; choose another");
        else
            service.Stack.Afterwards(() => Name(field, name, service));
    }

    private static void Name(Field field, string name, ServiceDraft service)
    {
        var several = service.Spec.Mode == ServiceMode.Global ? "a global service's" : service.Spec.Replicas > 1 ? $"{service.Spec.Replicas}" : null;
        if (several is not null)
            field.RefuseKey($"{several} replicas cannot have one name; leave it out: replicas are called SERVICE.SLOT, and other services reach this one by its name");
        if (name == service.Spec.Name || several is not null)
            return;
        if (service.Stack.HasService(name))
            field.Refuse($"there is a service \"{name}\" too, which other services reach by that name; choose another");
        if (service.Spec.NetworkMode.Length > 0)
            field.Warn($"has no effect: with network_mode: {service.Spec.NetworkMode} the container has no name in a network");
        if (service.Spec.Networks.Count == 0)
            return;
        field.Warn($"the container is called {service.Spec.Name}.1; other services of its networks also reach it as {name}");
        foreach (var network in service.Spec.Networks.Where(n => !n.Aliases.Contains(name)))
            network.Aliases.Add(name);
    }
}
