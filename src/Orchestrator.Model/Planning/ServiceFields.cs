using System.Globalization;

namespace Orchestrator.Model.Planning;

/// <summary>A service's spec as fields with one text each, by the names that compose files use, so that two specs can be compared for people.</summary>
internal static class ServiceFields
{
    /// <summary>"image: a -> b", for every field that differs.</summary>
    public static IReadOnlyList<string> Differences(ServiceSpec before, ServiceSpec after)
    {
        var (old, now) = (Of(before), Of(after));
        return old.Keys.Union(now.Keys, StringComparer.Ordinal).Order(StringComparer.Ordinal)
            .Select(k => (Name: k, Old: old.GetValueOrDefault(k, ""), Now: now.GetValueOrDefault(k, "")))
            .Where(f => f.Old != f.Now).Select(f => $"{f.Name}: {Shown(f.Old)} -> {Shown(f.Now)}").ToList();
    }

    private static string Shown(string text) => text.Length == 0 ? "(none)" : text;

    private static Dictionary<string, string> Of(ServiceSpec spec)
    {
        var fields = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["replicas"] = Text($"{spec.Replicas}"),
            ["mode"] = spec.Mode == ServiceMode.Global ? "global" : "",
            ["platform"] = spec.Platform,
            ["ports"] = string.Join(", ", spec.Ports.Select(Port)),
            ["network_mode"] = spec.NetworkMode,
            ["networks"] = string.Join(", ", spec.Networks.Select(n => n.Aliases.Count == 0 ? n.Network : $"{n.Network} ({string.Join(", ", n.Aliases)})")),
            ["depends_on"] = string.Join(", ", spec.DependsOn.Select(d => $"{d.Service} ({d.Condition}{(d.Required ? "" : ", optional")})")),
            ["restart"] = spec.Restart is { } restart ? Restart(restart) : "",
            ["update_config"] = spec.Update is { } update ? Rollout(update) : "",
            ["rollback_config"] = spec.Rollback is { } rollback ? Rollout(rollback) : "",
            ["limits"] = Resources(spec.Limits),
            ["reservations"] = Resources(spec.Reservations),
        };
        PlacementFields.Add(fields, spec);
        Add(fields, "deploy.labels", spec.Labels);
        AddContainer(fields, spec.Container ?? new());
        return fields;
    }

    private static void AddContainer(Dictionary<string, string> fields, ContainerSpec container)
    {
        fields["image"] = container.Image + (container.ImageDigest.Length > 0 ? "@" + container.ImageDigest : "");
        fields["entrypoint"] = Command(container.EntrypointSet, container.Entrypoint);
        fields["command"] = Command(container.CommandSet, container.Command);
        fields["working_dir"] = container.WorkingDir;
        fields["user"] = container.User;
        fields["hostname"] = container.Hostname;
        fields["volumes"] = string.Join(", ", container.Mounts.Select(Mount));
        fields["healthcheck"] = container.Healthcheck is { } check ? Healthcheck(check) : "";
        fields["stop_signal"] = container.StopSignal;
        fields["stop_grace_period"] = container.StopGracePeriodMs == 0 ? "" : Amount.Seconds(container.StopGracePeriodMs);
        fields["cap_add"] = string.Join(", ", container.CapAdd);
        fields["cap_drop"] = string.Join(", ", container.CapDrop);
        fields["read_only"] = container.ReadOnly ? "true" : "";
        fields["init"] = container.Init ? "true" : "";
        AddMachine(fields, container);
        AddRuntime(fields, container);
        Add(fields, "environment", container.Environment);
        Add(fields, "labels", container.Labels);
    }

    private static void AddMachine(Dictionary<string, string> fields, ContainerSpec container)
    {
        fields["privileged"] = container.Privileged ? "true" : "";
        fields["ulimits"] = string.Join(", ", container.Ulimits.Select(u => Text($"{u.Name}={u.Soft}:{u.Hard}")));
        fields["devices"] = string.Join(", ", container.Devices.Select(d => $"{d.Source}:{d.Target}:{d.Permissions}"));
        fields["group_add"] = string.Join(", ", container.GroupAdd);
        fields["shm_size"] = container.ShmSizeBytes == 0 ? "" : Amount.Bytes(container.ShmSizeBytes);
        fields["extra_hosts"] = string.Join(", ", container.ExtraHosts);
        fields["dns"] = string.Join(", ", container.Dns);
        fields["dns_search"] = string.Join(", ", container.DnsSearch);
        fields["dns_opt"] = string.Join(", ", container.DnsOptions);
        fields["security_opt"] = string.Join(", ", container.SecurityOptions);
        fields["tty"] = container.Tty ? "true" : "";
        fields["stdin_open"] = container.StdinOpen ? "true" : "";
        fields["domainname"] = container.Domainname;
        fields["oom_score_adj"] = container.OomScoreAdj == 0 ? "" : Text($"{container.OomScoreAdj}");
        fields["pid"] = container.PidMode;
        fields["ipc"] = container.IpcMode;
        Add(fields, "sysctls", container.Sysctls);
    }

    private static void AddRuntime(Dictionary<string, string> fields, ContainerSpec container)
    {
        fields["pull_policy"] = container.PullPolicy;
        fields["logging"] = container.Log is { } log
            ? $"max-size {(log.MaxSizeBytes > 0 ? Amount.Bytes(log.MaxSizeBytes) : "default")} max-file {(log.MaxFiles > 0 ? Text($"{log.MaxFiles}") : "default")}" : "";
        fields["cgroup"] = container.CgroupMode;
        fields["uts"] = container.UtsMode;
        fields["device_cgroup_rules"] = string.Join(", ", container.DeviceRules);
        Add(fields, "annotations", container.Annotations);
    }

    private static void Add(Dictionary<string, string> fields, string name, IEnumerable<KeyValuePair<string, string>> map)
    {
        foreach (var (key, value) in map)
            fields[$"{name}.{key}"] = value.Length == 0 ? "\"\"" : value;
    }

    private static string Command(bool set, IEnumerable<string> words) => set ? $"[{string.Join(", ", words)}]" : string.Join(", ", words);

    private static string Port(PortSpec port) =>
        Text($"{(port.HostIp.Length > 0 ? port.HostIp + ":" : "")}{port.Published}:{port.Target}/{(port.Protocol == Protocol.Udp ? "udp" : "tcp")}")
        + (port.Mode == PortMode.Host ? " (host)" : "");

    private static string Restart(RestartPolicy restart) =>
        Text($"{restart.Condition} delay {Amount.Seconds(restart.DelayMs)} max_attempts {restart.MaxAttempts} window {Amount.Seconds(restart.WindowMs)}");

    private static string Rollout(RolloutPolicy policy) =>
        Text($"parallelism {(policy.HasParallelism ? policy.Parallelism : 1)} delay {Amount.Seconds(policy.DelayMs)} {policy.Order} on failure {policy.FailureAction}")
        + Text($" monitor {Amount.Seconds(policy.MonitorMs)} max_failure_ratio {policy.MaxFailurePpm / 1e6}")
        + Text($" progress_deadline {Amount.Seconds(policy.ProgressDeadlineMs)} canary {policy.Canary}");

    private static string Resources(Resources? resources)
    {
        var parts = new List<string>();
        if (resources?.NanoCpus > 0)
            parts.Add(Amount.Cpus(resources.NanoCpus));
        if (resources?.MemoryBytes > 0)
            parts.Add(Amount.Bytes(resources.MemoryBytes));
        if (resources?.Pids > 0)
            parts.Add(Text($"{resources.Pids} pids"));
        if (resources?.MemorySwapBytes is { } swap and not 0)
            parts.Add(swap < 0 ? "any swap" : $"{Amount.Bytes(swap)} with swap");
        if (resources?.MemoryReservationBytes > 0)
            parts.Add($"keeps {Amount.Bytes(resources.MemoryReservationBytes)}");
        if (resources?.CpusetCpus.Length > 0)
            parts.Add($"cores {resources.CpusetCpus}");
        if (resources?.CpusetMems.Length > 0)
            parts.Add($"memory nodes {resources.CpusetMems}");
        if (resources?.CpuShares > 0)
            parts.Add(Text($"{resources.CpuShares} cpu shares"));
        if (resources?.BlkioWeight > 0)
            parts.Add(Text($"blkio weight {resources.BlkioWeight}"));
        parts.AddRange(PlacementFields.Generic(resources));
        return string.Join(", ", parts);
    }

    private static string Mount(MountSpec mount) =>
        $"{(mount.Type == MountType.Tmpfs ? "tmpfs" : mount.Source)}:{mount.Target}{(mount.Subpath.Length > 0 ? "/" + mount.Subpath : "")}"
        + (mount.ReadOnly ? ":ro" : "") + (mount.TmpfsSizeBytes > 0 ? " " + Amount.Bytes(mount.TmpfsSizeBytes) : "")
        + (mount.TmpfsMode != 0 ? Text($" mode {mount.TmpfsMode}") : "") + (mount.CreateHostPath ? " create" : "");

    private static string Healthcheck(Healthcheck check) =>
        Text($"{string.Join(" ", check.Test)} interval {Amount.Seconds(check.IntervalMs)} timeout {Amount.Seconds(check.TimeoutMs)} retries {check.Retries}")
        + Text($" start_period {Amount.Seconds(check.StartPeriodMs)} start_interval {Amount.Seconds(check.StartIntervalMs)}");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
