using System.Text.Json;
using Orchestrator.Oci.Runtime;

namespace Orchestrator.Runtime.Planning;

/// <summary>What is wrong with a config.json whatever the machine, and what this runtime does not do.</summary>
internal static class ConfigChecks
{
    public static void Check(RuntimeConfig config)
    {
        if (!config.OciVersion.StartsWith("1.", StringComparison.Ordinal))
            throw new RuntimeConfigException("ociVersion", $"\"{config.OciVersion}\" is not supported; accepted: 1.x");
        var process = config.Process ?? throw new RuntimeConfigException("process", "is missing");
        if (!process.Cwd.StartsWith('/'))
            throw new RuntimeConfigException("process.cwd", $"\"{process.Cwd}\" is not absolute; accepted: as in /root");
        HookTable.Check(config.Hooks);
        if (config.Linux.IntelRdt is { ValueKind: JsonValueKind.Object } rdt && rdt.EnumerateObject().Any())
            throw new RuntimeConfigException("linux.intelRdt", "is not supported; accepted: none");
        if (config.Linux.NetDevices.Count > 0 && !config.Linux.Namespaces.Any(n => n.Type == "network"))
            throw new RuntimeConfigException("linux.netDevices", "need a network namespace; accepted: only with {\"type\": \"network\"} in linux.namespaces");
    }

    /// <summary>For a container that shares somebody's mounts: what it mounted would be theirs too.</summary>
    public static void CheckConfined(RuntimeConfig config)
    {
        var field = config.Mounts.Count > 0 ? "mounts"
            : config.Linux.MaskedPaths.Count > 0 ? "linux.maskedPaths"
            : config.Linux.ReadonlyPaths.Count > 0 ? "linux.readonlyPaths"
            : config.Linux.Devices.Count > 0 ? "linux.devices"
            : !string.IsNullOrEmpty(config.Linux.RootfsPropagation) ? "linux.rootfsPropagation"
            : config.Root is { Readonly: true } ? "root.readonly"
            : config.Process!.Terminal ? "process.terminal"
            : config.Annotations.Keys.FirstOrDefault(k => k is RuntimeAnnotations.Overlay or RuntimeAnnotations.Init) is { } key ? $"annotations[{key}]"
            : null;
        if (field is not null)
            throw new RuntimeConfigException(field, "needs mounts of the container's own; accepted: only with {\"type\": \"mount\"} in linux.namespaces, without a path");
    }
}
