using System.Globalization;
using System.Text.Json.Nodes;
using Orchestrator.Model;

namespace Orchestrator.Cli.Commands.Containers;

/// <summary>What `orc inspect` shows: Docker's names and nesting, as far as there is something to say, so that scripts find what they know.</summary>
internal static class DockerJson
{
    public static JsonObject Of(LocalContainer container) => new()
    {
        ["Id"] = container.Id,
        ["Created"] = Time(container.CreatedMs),
        ["Path"] = container.Command.FirstOrDefault() ?? "",
        ["Args"] = List(container.Command.Skip(1)),
        ["State"] = State(container),
        ["Image"] = container.ImageDigest,
        ["LogPath"] = container.LogPath,
        ["Name"] = container.Name,
        ["RestartCount"] = container.Restarts,
        ["HostConfig"] = HostConfig(container.Spec),
        ["Mounts"] = new JsonArray([.. container.Mounts.Select(Mount)]),
        ["Config"] = Config(container.Spec.Container),
        ["NetworkSettings"] = Network(container),
    };

    public static JsonObject Of(LocalVolume volume) => new()
    {
        ["Name"] = volume.Name,
        ["Driver"] = "local",
        ["Mountpoint"] = volume.Path,
        ["CreatedAt"] = Time(volume.CreatedMs),
        ["Labels"] = Map(volume.Labels),
        ["Scope"] = "local",
        ["UsedBy"] = List(volume.UsedBy),
    };

    public static JsonObject Of(LocalImage image)
    {
        var config = JsonNode.Parse(image.Config.Span)?.AsObject();
        return new JsonObject
        {
            ["Id"] = image.Digest,
            ["RepoTags"] = List(image.References),
            ["Created"] = Time(image.CreatedMs),
            ["Architecture"] = image.Architecture,
            ["Os"] = image.Os,
            ["Size"] = image.SizeBytes,
            ["Config"] = config?["config"]?.DeepClone() ?? new JsonObject(),
            ["RootFS"] = config?["rootfs"]?.DeepClone(),
        };
    }

    private static JsonObject State(LocalContainer container)
    {
        var state = new JsonObject
        {
            ["Status"] = container.State.ToString()[5..].ToLowerInvariant(),
            ["Running"] = container.State is LocalState.LocalRunning or LocalState.LocalPaused,
            ["Paused"] = container.State == LocalState.LocalPaused,
            ["Restarting"] = container.State == LocalState.LocalRestarting,
            ["OOMKilled"] = container.OomKilled,
            ["Dead"] = false,
            ["Pid"] = container.Pid,
            ["ExitCode"] = container.ExitCode,
            ["Error"] = container.Error,
            ["StartedAt"] = Time(container.StartedMs),
            ["FinishedAt"] = Time(container.FinishedMs),
        };
        if (container.Health != LocalHealth.None)
            state["Health"] = new JsonObject { ["Status"] = container.Health.ToString().ToLowerInvariant(), ["Output"] = container.HealthOutput };
        return state;
    }

    private static JsonObject HostConfig(LocalSpec spec)
    {
        var (container, limits) = (spec.Container, spec.Limits ?? new Resources());
        return new JsonObject
        {
            ["Memory"] = limits.MemoryBytes,
            ["MemorySwap"] = limits.MemorySwapBytes,
            ["MemoryReservation"] = limits.MemoryReservationBytes,
            ["NanoCpus"] = limits.NanoCpus,
            ["CpuShares"] = limits.CpuShares,
            ["CpusetCpus"] = limits.CpusetCpus,
            ["CpusetMems"] = limits.CpusetMems,
            ["PidsLimit"] = limits.Pids,
            ["BlkioWeight"] = limits.BlkioWeight,
            ["NetworkMode"] = spec.Network.Length == 0 ? "bridge" : spec.Network,
            ["RestartPolicy"] = new JsonObject { ["Name"] = Policy(spec.Restart), ["MaximumRetryCount"] = spec.Restart?.Attempts ?? 0 },
            ["AutoRemove"] = spec.AutoRemove,
            ["Privileged"] = container.Privileged,
            ["ReadonlyRootfs"] = container.ReadOnly,
            ["Init"] = container.Init,
            ["CapAdd"] = List(container.CapAdd),
            ["CapDrop"] = List(container.CapDrop),
            ["SecurityOpt"] = List(container.SecurityOptions),
            ["Dns"] = List(container.Dns),
            ["ExtraHosts"] = List(container.ExtraHosts),
            ["GroupAdd"] = List(container.GroupAdd),
            ["ShmSize"] = container.ShmSizeBytes == 0 ? 64L << 20 : container.ShmSizeBytes,
            ["Sysctls"] = Map(container.Sysctls),
            ["Ulimits"] = new JsonArray([.. container.Ulimits.Select(u => new JsonObject { ["Name"] = u.Name, ["Soft"] = u.Soft, ["Hard"] = u.Hard })]),
            ["PortBindings"] = Ports(spec.Ports),
        };
    }

    private static JsonObject Config(ContainerSpec spec)
    {
        var config = new JsonObject
        {
            ["Hostname"] = spec.Hostname,
            ["Domainname"] = spec.Domainname,
            ["User"] = spec.User,
            ["Tty"] = spec.Tty,
            ["OpenStdin"] = spec.StdinOpen,
            ["Env"] = List(spec.Environment.Select(e => $"{e.Key}={e.Value}")),
            ["Cmd"] = List(spec.Command),
            ["Entrypoint"] = List(spec.Entrypoint),
            ["Image"] = spec.Image,
            ["WorkingDir"] = spec.WorkingDir,
            ["Labels"] = Map(spec.Labels),
            ["StopSignal"] = spec.StopSignal,
        };
        if (spec.Healthcheck is { } check)
            config["Healthcheck"] = new JsonObject
            {
                ["Test"] = List(check.Test),
                ["Interval"] = check.IntervalMs * 1_000_000,
                ["Timeout"] = check.TimeoutMs * 1_000_000,
                ["Retries"] = check.Retries,
                ["StartPeriod"] = check.StartPeriodMs * 1_000_000,
                ["StartInterval"] = check.StartIntervalMs * 1_000_000,
            };
        return config;
    }

    private static JsonObject Network(LocalContainer container)
    {
        var network = container.Spec.Network.Length == 0 ? "bridge" : container.Spec.Network;
        return new JsonObject
        {
            ["IPAddress"] = container.Address,
            ["Ports"] = Ports(container.State is LocalState.LocalRunning or LocalState.LocalPaused ? container.Ports : []),
            ["Networks"] = new JsonObject { [network] = new JsonObject { ["IPAddress"] = container.Address, ["Aliases"] = List(container.Spec.NetworkAliases) } },
        };
    }

    private static JsonObject Ports(IEnumerable<PortSpec> ports)
    {
        var shown = new JsonObject();
        foreach (var group in ports.GroupBy(ListCommands.Target))
            shown[group.Key] = new JsonArray([.. group.Select(p => new JsonObject
            {
                ["HostIp"] = p.HostIp.Length == 0 ? "0.0.0.0" : p.HostIp, ["HostPort"] = p.Published.ToString(CultureInfo.InvariantCulture),
            })]);
        return shown;
    }

    private static JsonObject Mount(LocalMount mount) => new()
    {
        ["Type"] = mount.Type.ToString().ToLowerInvariant(),
        ["Name"] = mount.Name,
        ["Source"] = mount.Source,
        ["Destination"] = mount.Target,
        ["RW"] = !mount.ReadOnly,
    };

    private static string Policy(LocalRestart? restart) => restart?.Policy switch
    {
        LocalRestartPolicy.Always => "always",
        LocalRestartPolicy.UnlessStopped => "unless-stopped",
        LocalRestartPolicy.OnFailed => "on-failure",
        _ => "no",
    };

    private static string Time(long milliseconds) =>
        milliseconds == 0 ? "0001-01-01T00:00:00Z" : DateTimeOffset.FromUnixTimeMilliseconds(milliseconds).ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    private static JsonArray List(IEnumerable<string> items) => new([.. items.Select(i => (JsonNode)i)]);

    private static JsonObject Map(IEnumerable<KeyValuePair<string, string>> items) => new([.. items.Select(i => KeyValuePair.Create(i.Key, (JsonNode?)i.Value))]);
}
