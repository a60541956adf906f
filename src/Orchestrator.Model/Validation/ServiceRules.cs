using System.Globalization;

namespace Orchestrator.Model.Validation;

/// <summary>The rules for one service of a stack.</summary>
internal sealed class ServiceRules(StackSpec stack, ServiceSpec service, List<string> errors)
{
    public const int ReplicasMax = 10_000;

    private readonly ContainerSpec _container = service.Container ?? new();

    public void Check()
    {
        if (service.Replicas is < 0 or > ReplicasMax)
            Error($"replicas is {service.Replicas}; it must be 0 to {ReplicasMax}");
        if (string.IsNullOrWhiteSpace(_container.Image))
            Error("image is empty; name an image such as nginx:1.27");
        if (service.Platform.Length > 0 && service.Platform.Split('/') is not [{ Length: > 0 }, { Length: > 0 }, ..])
            Error($"platform is '{service.Platform}'; it must be OS/ARCHITECTURE such as linux/amd64");
        CheckPorts();
        CheckNetworks();
        CheckModes();
        CheckNaming();
        CheckMounts();
        CheckDependencies();
        CheckResources();
        CheckDurations();
        CheckRollout("update", service.Update ?? new());
        CheckRollout("rollback", service.Rollback ?? new());
        if (service.Rollback?.FailureAction == FailureAction.Rollback)
            Error("rollback failure_action is rollback; it must be pause or continue");
        if (!Enum.IsDefined(service.Mode))
            Error($"mode {(int)service.Mode} is unknown; it must be replicated or global");
        errors.AddRange(PlacementCheck.Errors(stack, service).Select(e => $"service {service.Name}: {e}"));
    }

    private void CheckPorts()
    {
        foreach (var port in service.Ports)
        {
            if (port.Target is < 1 or > 65535)
                Error($"port target is {port.Target}; it must be 1 to 65535");
            if (port.Published is < 0 or > 65535)
                Error($"published port is {port.Published}; it must be 1 to 65535");
        }
    }

    private void CheckNetworks()
    {
        foreach (var name in service.Networks.Select(a => a.Network).Where(n => !stack.Networks.Any(known => known.Name == n)))
            Error($"network '{name}' is not defined; {Known("networks", stack.Networks.Select(n => n.Name))}");
        foreach (var twice in service.Networks.CountBy(a => a.Network).Where(c => c.Value > 1))
            Error($"network {twice.Key} is listed {twice.Value} times; once is enough");
        foreach (var alias in service.Networks.SelectMany(a => a.Aliases).Where(a => !a.Split('.').All(Names.IsGood)))
            Error($"network alias '{alias}' is no host name; each part must be {Names.Accepted}");
    }

    private void CheckModes()
    {
        if (service.NetworkMode is not ("" or "host" or "none"))
            Error($"network mode is '{service.NetworkMode}'; it must be host, none or left out");
        if (service.NetworkMode.Length > 0 && service.Networks.Count > 0)
            Error($"network mode {service.NetworkMode} excludes networks; leave one of them out");
        if (service.NetworkMode.Length > 0 && service.Ports.Count > 0)
            Error($"network mode {service.NetworkMode} excludes published ports; leave one of them out");
        foreach (var (field, mode) in Modes().Where(m => m.Mode is not ("" or "host")))
            Error($"{field} mode is '{mode}'; it must be host or left out: replicas share nothing with each other");
        if (_container.PullPolicy is not ("" or "never"))
            Error($"pull policy is '{_container.PullPolicy}'; it must be never or left out");
    }

    // Each becomes a word in a file of the container, where another line would be another setting.
    private void CheckNaming()
    {
        (string Field, IEnumerable<string> Words)[] all = [("dns_search", _container.DnsSearch), ("dns_opt", _container.DnsOptions), ("extra_hosts", _container.ExtraHosts)];
        foreach (var (field, word) in all.SelectMany(a => a.Words.Select(w => (a.Field, w))))
            if (word.Length == 0 || word.Any(c => char.IsWhiteSpace(c) || char.IsControl(c)))
                Error($"{field} has '{word}'; it must be one word without spaces");
    }

    private (string Field, string Mode)[] Modes() =>
        [("pid", _container.PidMode), ("ipc", _container.IpcMode), ("cgroup", _container.CgroupMode), ("uts", _container.UtsMode)];

    private void CheckMounts()
    {
        foreach (var mount in _container.Mounts)
        {
            if (!mount.Target.StartsWith('/'))
                Error($"mount target is '{mount.Target}'; it must be an absolute path in the container");
            if (mount is { Type: MountType.Volume, External: false, Source.Length: > 0 } && !stack.Volumes.Any(v => v.Name == mount.Source))
                Error($"volume '{mount.Source}' is not defined; {Known("volumes", stack.Volumes.Select(v => v.Name))}");
            if (mount.Type == MountType.Bind && !mount.Source.StartsWith('/'))
                Error($"bind mount source is '{mount.Source}'; it must be an absolute path on the node");
            if (mount.TmpfsSizeBytes < 0)
                Error($"tmpfs size is {mount.TmpfsSizeBytes}; it must be 0 (no limit) or more");
        }
        foreach (var twice in _container.Mounts.CountBy(m => m.Target).Where(c => c.Value > 1))
            Error($"{twice.Value} mounts have the target {twice.Key}; each needs its own");
    }

    private void CheckDependencies()
    {
        foreach (var name in service.DependsOn.Select(d => d.Service).Where(n => !stack.Services.Any(s => s.Name == n)))
            Error($"depends_on '{name}' is not defined; {Known("services", stack.Services.Select(s => s.Name).Where(n => n != service.Name))}");
    }

    private void CheckResources()
    {
        var (limits, reservations) = (service.Limits ?? new(), service.Reservations ?? new());
        foreach (var (field, amount) in Amounts("limit", limits).Concat(Amounts("reservation", reservations)).Where(a => a.Amount < 0))
            Error($"{field} is {amount}; it must be 0 (unset) or more");
        if (limits.NanoCpus > 0 && reservations.NanoCpus > limits.NanoCpus)
            Error($"reserves {Amount.Cpus(reservations.NanoCpus)} but is limited to {Amount.Cpus(limits.NanoCpus)}; the reservation must not be above the limit");
        if (limits.MemoryBytes > 0 && reservations.MemoryBytes > limits.MemoryBytes)
            Error($"reserves {Amount.Bytes(reservations.MemoryBytes)} but is limited to {Amount.Bytes(limits.MemoryBytes)}; "
                + "the reservation must not be above the limit");
    }

    private static IEnumerable<(string Field, long Amount)> Amounts(string kind, Resources of) =>
        [($"cpu {kind}", of.NanoCpus), ($"memory {kind}", of.MemoryBytes), ($"pids {kind}", of.Pids)];

    private void CheckRollout(string name, RolloutPolicy policy)
    {
        if (policy.Parallelism < 0)
            Error($"{name} parallelism is {policy.Parallelism}; it must be 0 (all) or more");
        if (policy.MaxFailurePpm is < 0 or > 1_000_000)
            Error($"{name} max_failure_ratio is {policy.MaxFailurePpm / 1e6}; it must be 0 to 1");
        if (policy.Canary < 0)
            Error($"{name} canary is {policy.Canary}; it must be 0 (none) or more");
        if (!Enum.IsDefined(policy.FailureAction) || !Enum.IsDefined(policy.Order))
            Error($"{name} failure_action or order is unknown; they must be pause, continue or rollback, and stop-first or start-first");
        foreach (var (field, value) in new[] { ("delay", policy.DelayMs), ("monitor", policy.MonitorMs), ("progress deadline", policy.ProgressDeadlineMs) })
            if (value < 0)
                Error($"{name} {field} is {value}; it must be 0 or more");
    }

    private void CheckDurations()
    {
        var (restart, check) = (service.Restart ?? new(), _container.Healthcheck ?? new());
        (string Field, long Value)[] durations =
        [
            ("stop_grace_period", _container.StopGracePeriodMs),
            ("restart delay", restart.DelayMs), ("restart window", restart.WindowMs), ("restart max_attempts", restart.MaxAttempts),
            ("healthcheck interval", check.IntervalMs), ("healthcheck timeout", check.TimeoutMs), ("healthcheck retries", check.Retries),
            ("healthcheck start_period", check.StartPeriodMs), ("healthcheck start_interval", check.StartIntervalMs),
        ];
        foreach (var (field, value) in durations.Where(d => d.Value < 0))
            Error($"{field} is {value}; it must be 0 or more");
    }

    private static string Known(string kind, IEnumerable<string> names) =>
        string.Join(", ", names) is { Length: > 0 } list ? $"the stack's {kind} are: {list}" : $"the stack has no {kind}";

    private void Error(FormattableString text) => errors.Add($"service {service.Name}: {text.ToString(CultureInfo.InvariantCulture)}");

    private void Error(string text) => errors.Add($"service {service.Name}: {text}");
}
