using Orchestrator.Model;

namespace Orchestrator.Tests.Model;

/// <summary>Short ways to say what a test is about.</summary>
internal static class Specs
{
    public static NodeDescription Node(long cpus, long memoryMiB) => new()
    {
        NanoCpus = cpus * 1_000_000_000,
        MemoryBytes = memoryMiB << 20,
        Os = "linux",
        Architecture = "amd64",
    };

    /// <summary>A stack with the one network "default", on which all services are.</summary>
    public static StackSpec Stack(string name, params IEnumerable<ServiceSpec> services)
    {
        var stack = new StackSpec { Name = name, Services = { services }, Networks = { new NetworkSpec { Name = "default" } } };
        foreach (var service in stack.Services.Where(s => s.Networks.Count == 0))
            service.Networks.Add(new NetworkAttachment { Network = "default" });
        return stack;
    }

    public static ServiceSpec Service(string name, int replicas = 1, string image = "app") =>
        new() { Name = name, Replicas = replicas, Container = new() { Image = image } };

    public static ServiceSpec Reserve(this ServiceSpec service, double cpus, long memoryMiB)
    {
        service.Reservations = new() { NanoCpus = (long)(cpus * 1e9), MemoryBytes = memoryMiB << 20 };
        return service;
    }

    public static ServiceSpec With(this ServiceSpec service, Action<ServiceSpec> change)
    {
        change(service);
        return service;
    }

    public static StackSpec With(this StackSpec stack, Action<StackSpec> change)
    {
        change(stack);
        return stack;
    }

    public static NodeDescription With(this NodeDescription description, Action<NodeDescription> change)
    {
        change(description);
        return description;
    }

    public static Operation Put(StackSpec spec) => new() { PutStack = new() { Spec = spec } };

    public static Operation Scale(string serviceId, int replicas) => new() { ScaleService = new() { ServiceId = serviceId, Replicas = replicas } };
}
