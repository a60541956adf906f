using Orchestrator.Compose.Fields;

namespace Orchestrator.Compose.Services;

/// <summary>What of the node a container shares, and how it gets its image.</summary>
internal static class ModeReader
{
    /// <summary>The mode that is written, or "" where it asks for what is so anyway.</summary>
    /// <param name="own">Words for a namespace of its own.</param>
    public static string Read(Field field, params ReadOnlySpan<string> own)
    {
        if (field.Text("host") is not { } mode || own.Contains(mode))
            return "";
        if (mode == "host")
            return mode;
        if (IsShared(mode))
            field.Refuse($"got \"{mode}\"; containers share nothing with each other here, as they may be on different nodes: put both programs into one container, or write host");
        else
            field.Expected(string.Join(" or ", [.. own, "host"]));
        return "";
    }

    public static void ReadNetwork(Field field, ServiceDraft service)
    {
        var mode = field.Text("host or none");
        if (mode is "host" or "none")
        {
            service.Spec.NetworkMode = mode;
            service.Afterwards(() => CheckNetwork(field, service, mode));
        }
        else if (mode is "bridge" or "default")
            field.Warn($"{mode} means the stack's default network here; leave it out");
        else if (mode is not null && IsShared(mode))
            field.Refuse($"got \"{mode}\"; containers do not share their networks here, as they may be on different nodes: put both services on one network and use the service's name");
        else if (mode is not null)
            field.Expected("host or none; networks of the stack are named under networks");
    }

    public static string ReadPullPolicy(Field field)
    {
        var policy = field.Text("always, missing or never") ?? "";
        if (policy is "build" or "daily" or "weekly" || policy.StartsWith("every_", StringComparison.Ordinal))
            field.Warn($"the pull policy {policy} has no effect: the image is resolved to a digest whenever the file is applied, and pulled where it is missing");
        else if (policy is not ("" or "always" or "missing" or "if_not_present" or "never"))
            field.Expected("always, missing or never");
        return policy == "never" ? policy : "";
    }

    public static void ReadRuntime(Field field, ServiceDraft service)
    {
        if (field.Text("runc") == "runc")
            field.Warn("has no effect: every node runs containers with the runtime that it was started with");
        else
            field.RefuseKey("the key \"runtime\" is not supported: every node runs containers with the runtime that it was started with; leave it out");
    }

    private static void CheckNetwork(Field field, ServiceDraft service, string mode)
    {
        if (service.Spec.Networks.Count > 0)
            field.RefuseKey($"network_mode: {mode} and networks exclude each other; keep one of them");
        if (service.Spec.Ports.Count > 0)
            field.RefuseKey($"ports cannot be published with network_mode: {mode}; leave the ports out{(mode == "host" ? ": the container's are the node's already" : "")}");
        if (mode == "host" && service.Container.Sysctls.Keys.FirstOrDefault(n => n.StartsWith("net.", StringComparison.Ordinal)) is { } sysctl)
            field.RefuseKey($"{sysctl} would be the node's own setting with network_mode: host; leave one of them out");
    }

    private static bool IsShared(string mode) =>
        mode.StartsWith("service:", StringComparison.Ordinal) || mode.StartsWith("container:", StringComparison.Ordinal);
}
