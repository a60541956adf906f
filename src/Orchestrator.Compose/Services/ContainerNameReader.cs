using Orchestrator.Compose.Fields;

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
            service.Afterwards(() => Name(field, name, service));
    }

    private static void Name(Field field, string name, ServiceDraft service)
    {
        if (service.Spec.Replicas > 1)
            field.RefuseKey($"{service.Spec.Replicas} replicas cannot have one name; leave it out: replicas are called SERVICE.SLOT, and other services reach this one by its name");
        if (name == service.Spec.Name || service.Spec.Replicas > 1)
            return;
        field.Warn($"the container is called {service.Spec.Name}.1; other services of its networks also reach it as {name}");
        foreach (var network in service.Spec.Networks.Where(n => !n.Aliases.Contains(name)))
            network.Aliases.Add(name);
    }
}
