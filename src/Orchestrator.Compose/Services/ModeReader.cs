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

    public static void ReadIpc(Field field, ServiceDraft service)
    {
        service.Container.IpcMode = Read(field, "private", "shareable");
        if (service.Container.IpcMode == "host")
            service.Afterwards(() => RefuseNodeSysctl(field, service, name => !IsOfNetwork(name)));
    }

    public static void ReadUts(Field field, ServiceDraft service)
    {
        service.Container.UtsMode = Read(field);
        if (service.Container.UtsMode == "host")
            service.Afterwards(() => field.RefuseIf(service.Container is { Hostname.Length: > 0 } or { Domainname.Length: > 0 },
                "hostname and domainname would be the node's own with uts: host; leave one of them out"));
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
        if (mode == "host")
            RefuseNodeSysctl(field, service, IsOfNetwork);
        field.WarnIf(mode == "host" && service.Container.Hostname.Length > 0, "the container has the node's name with network_mode: host, so hostname has no effect");
        if (mode == "none" && service.Container.ExtraHosts.FirstOrDefault(h => h.EndsWith(":host-gateway", StringComparison.Ordinal)) is { } host)
            field.RefuseKey($"there is no way to the node with network_mode: none, so {host} has no address; leave one of them out");
    }

    private static void RefuseNodeSysctl(Field field, ServiceDraft service, Func<string, bool> isShared)
    {
        if (service.Container.Sysctls.Keys.FirstOrDefault(isShared) is { } sysctl)
            field.RefuseKey($"{sysctl} would be the node's own setting with {field.Key}: host; leave one of them out");
    }

    private static bool IsOfNetwork(string sysctl) => sysctl.StartsWith("net.", StringComparison.Ordinal);

    private static bool IsShared(string mode) =>
        mode.StartsWith("service:", StringComparison.Ordinal) || mode.StartsWith("container:", StringComparison.Ordinal);
}
