using System.Text.RegularExpressions;
using Orchestrator.Compose.Fields;
using Orchestrator.Compose.Values;
using Orchestrator.Model;

namespace Orchestrator.Compose.Services;

internal static partial class ServiceReader
{
    private static readonly Keys<ServiceDraft> s_keys = new("a service", UnsupportedKeys.Service)
    {
        { "image", (f, s) => s.Container.Image = ReadImage(f) },
        { "command", (f, s) => s.Container.CommandSet = CommandReader.Read(f, s.Container.Command) },
        { "entrypoint", (f, s) => s.Container.EntrypointSet = CommandReader.Read(f, s.Container.Entrypoint) },
        { "environment", EnvironmentReader.Read },
        { "env_file", EnvironmentReader.ReadFiles },
        { "working_dir", (f, s) => s.Container.WorkingDir = ReadAbsolutePath(f) },
        { "user", (f, s) => s.Container.User = f.Text("a user such as \"1000\", \"1000:1000\" or \"www-data\"") ?? "" },
        { "hostname", (f, s) => s.Container.Hostname = ReadHostname(f) },
        { "ports", PortReader.Read },
        { "expose", PortReader.ReadExpose },
        { "networks", NetworkReader.ReadAttachments },
        { "volumes", MountReader.Read },
        { "tmpfs", MountReader.ReadTmpfs },
        { "healthcheck", (f, s) => s.Container.Healthcheck = HealthcheckReader.Read(f) },
        { "depends_on", DependencyReader.Read },
        { "deploy", DeployReader.Read },
        { "restart", RestartReader.Read },
        { "scale", ReadScale },
        { "stop_signal", (f, s) => s.Container.StopSignal = ReadSignal(f) },
        { "stop_grace_period", (f, s) => s.Container.StopGracePeriodMs = ReadGracePeriod(f) },
        { "labels", (f, s) => KeyValues.ReadLabels(f, s.Container.Labels) },
        { "cap_add", (f, s) => s.Container.CapAdd.AddRange(ReadCapabilities(f)) },
        { "cap_drop", (f, s) => s.Container.CapDrop.AddRange(ReadCapabilities(f)) },
        { "read_only", (f, s) => s.Container.ReadOnly = f.Flag() ?? false },
        { "init", (f, s) => s.Container.Init = f.Flag() ?? false },
        { "platform", (f, s) => s.Spec.Platform = ReadPlatform(f) },
        { "profiles", (_, _) => { } },
        { "build", (f, _) => f.Warn("images are not built here: the image has to be in a registry, or on the nodes") },
        { "container_name", ContainerNameReader.Read },
        { "domainname", (f, s) => s.Container.Domainname = ReadHostname(f) },
        { "label_file", LabelFileReader.Read },
        { "annotations", ReadAnnotations },
        { "logging", LoggingReader.Read },
        { "privileged", (f, s) => s.Container.Privileged = f.Flag() ?? false },
        { "security_opt", SecurityReader.Read },
        { "devices", DeviceReader.Read },
        { "device_cgroup_rules", DeviceReader.ReadRules },
        { "group_add", (f, s) => s.Container.GroupAdd.AddRange(f.Items("a list of groups").Select(i => i.Written("a group") ?? "")) },
        { "ulimits", UlimitReader.Read },
        { "sysctls", ReadSysctls },
        { "shm_size", (f, s) => s.Container.ShmSizeBytes = ValueReaders.Bytes(f) ?? 0 },
        { "oom_score_adj", (f, s) => s.Container.OomScoreAdj = f.Integer(-1000, 1000) ?? 0 },
        { "tty", (f, s) => s.Container.Tty = f.Flag() ?? false },
        { "stdin_open", (f, s) => s.Container.StdinOpen = f.Flag() ?? false },
        { "extra_hosts", AddressReader.ReadHosts },
        { "dns", (f, s) => s.Container.Dns.AddRange(AddressReader.Servers(f)) },
        { "dns_search", (f, s) => s.Container.DnsSearch.AddRange(AddressReader.Words(f, "a domain such as example.com")) },
        { "dns_opt", (f, s) => s.Container.DnsOptions.AddRange(AddressReader.Words(f, "an option such as ndots:2")) },
        { "network_mode", ModeReader.ReadNetwork },
        { "pid", (f, s) => s.Container.PidMode = ModeReader.Read(f) },
        { "ipc", ModeReader.ReadIpc },
        { "uts", ModeReader.ReadUts },
        { "cgroup", (f, s) => s.Container.CgroupMode = ModeReader.Read(f, "private") },
        { "userns_mode", (f, _) => ModeReader.Read(f) },
        { "pull_policy", (f, s) => s.Container.PullPolicy = ModeReader.ReadPullPolicy(f) },
        { "runtime", ModeReader.ReadRuntime },
        { "cpus", LimitReader.Cpus },
        { "cpu_quota", LimitReader.CpuQuota },
        { "cpu_period", LimitReader.CpuPeriod },
        { "cpu_shares", (f, s) => s.Limits.CpuShares = f.Integer(2, 262_144) ?? 0 },
        { "cpuset", (f, s) => s.Limits.CpusetCpus = LimitReader.Cores(f) },
        { "mem_limit", LimitReader.Memory },
        { "mem_reservation", LimitReader.MemoryReservation },
        { "memswap_limit", LimitReader.MemorySwap },
        { "pids_limit", LimitReader.Pids },
        { "blkio_config", LimitReader.BlockIo },
        { "attach", NoEffect("`orc logs -f` follows a service") },
        { "develop", NoEffect("it is for building on one machine") },
        { "links", NoEffect("services of a network reach each other by name; another name goes under networks.NETWORK.aliases of the other service") },
        { "external_links", NoEffect("containers outside of the stack are reached by a port that they publish") },
        { "pull_refresh_after", NoEffect("the image is resolved to a digest whenever the file is applied") },
        { "cpu_rt_period", NoEffect("") },
        { "cpu_rt_runtime", NoEffect("") },
        PlacementReader.OwnKeys,
    };

    public static ServiceSpec Read(Field field, StackDraft stack)
    {
        var draft = new ServiceDraft(stack, field.Key);
        s_keys.Read(field, draft);
        if (field.IsNull || (field.IsMapping && field.Entries().All(e => e.Key != "image" || e.IsNull)))
            field.RefuseKey(field.Entries().Any(e => e.Key == "build")
                ? "has no image, and images are not built here; build and push it, and write image: and its name"
                : "has no image; write image: and the name of one");
        foreach (var (name, value) in draft.FileEnvironment)
            if (!draft.Container.Environment.ContainsKey(name))
                draft.Container.Environment.Add(name, value);
        foreach (var (name, value) in draft.FileLabels)
            draft.Container.Labels.TryAdd(name, value);
        if (draft.Spec.Networks.Count == 0 && draft.Spec.NetworkMode.Length == 0)
            draft.Spec.Networks.Add(new NetworkAttachment { Network = NetworkReader.Default });
        draft.Finish();
        if (draft.LimitField is { } limit)
            DeployReader.CheckReservations(limit, draft.Spec);
        return draft.Spec;
    }

    private static Action<Field, ServiceDraft> NoEffect(string why) => (field, _) => field.Warn(why.Length == 0 ? "has no effect" : $"has no effect: {why}");

    private static void ReadAnnotations(Field field, ServiceDraft service)
    {
        foreach (var (key, value, item) in KeyValues.Read(field))
        {
            if (key.StartsWith("io.orchestrator.", StringComparison.Ordinal))
                item.RefuseKey($"got \"{key}\"; names that begin with io.orchestrator. are the engine's own: choose another");
            service.Container.Annotations[key] = value ?? "";
        }
    }

    private static void ReadSysctls(Field field, ServiceDraft service)
    {
        foreach (var (key, value, item) in KeyValues.Read(field))
        {
            if (!KernelNames.IsNamespacedSysctl(key))
                item.RefuseKey($"{key} is a setting of the whole node, not of a container: set it on the nodes; accepted: net.*, fs.mqueue.* and kernel.msg*, kernel.sem, kernel.shm*");
            else if (value is null)
                item.Refuse($"{key} has no value; write {key}=VALUE");
            service.Container.Sysctls[key] = value ?? "";
        }
    }

    private static string ReadImage(Field field)
    {
        if (field.Text("the name of an image") is not { } image)
            return "";
        if (image.Length == 0 || image.Any(c => char.IsWhiteSpace(c) || char.IsControl(c)))
            field.Expected("the name of an image, such as redis:7 or registry.example.com/team/web@sha256:...");
        return image;
    }

    private static void ReadScale(Field field, ServiceDraft service)
    {
        if (field.Integer(0) is not { } scale)
            return;
        service.Stack.Afterwards(() =>
        {
            field.RefuseIf(service.Spec.Mode == ServiceMode.Global, $"got {scale}, but deploy.mode is global; a global service runs once on every node");
            if (service.DeployReplicas is { } replicas && replicas != scale)
                field.Refuse($"got {scale}, but deploy.replicas says {replicas}; keep one of them");
        });
        service.Spec.Replicas = service.DeployReplicas ?? scale;
    }

    private static string ReadAbsolutePath(Field field)
    {
        var path = field.Text("an absolute path") ?? "/";
        if (!path.StartsWith('/'))
            field.Expected("an absolute path in the container");
        return path;
    }

    private static string ReadHostname(Field field)
    {
        var hostname = field.Text("a host name") ?? "a";
        if (hostname.Length > 63 || !Hostname().IsMatch(hostname))
            field.Expected("a host name: letters, digits, - and ., at most 63 characters");
        return hostname;
    }

    private static string ReadSignal(Field field)
    {
        if (field.Written("a signal") is not { } text)
            return "";
        if (KernelNames.Signal(text) is { } signal)
            return signal;
        field.Expected("a signal such as SIGTERM or SIGQUIT");
        return "";
    }

    // 0 in the spec means the default, so no grace at all is the shortest one.
    private static long ReadGracePeriod(Field field) => Math.Max(1, ValueReaders.Duration(field) ?? 1);

    private static List<string> ReadCapabilities(Field list)
    {
        var names = new List<string>();
        foreach (var item in list.Items("a list of capabilities"))
        {
            if (item.Text("a capability") is not { } text)
                continue;
            if (KernelNames.Capability(text) is { } capability)
                names.Add(capability);
            else
                item.Expected("a Linux capability such as NET_ADMIN, or ALL");
        }
        return [.. names.Distinct()];
    }

    private static string ReadPlatform(Field field)
    {
        var platform = field.Text("a platform") ?? "linux/amd64";
        if (!Platform().IsMatch(platform))
            field.Expected("linux/ and an architecture, such as linux/amd64 or linux/arm64");
        return platform;
    }

    [GeneratedRegex(@"^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?)*\z", RegexOptions.CultureInvariant)]
    private static partial Regex Hostname();

    [GeneratedRegex(@"^linux/[a-z0-9_]+(/[a-z0-9.]+)?\z", RegexOptions.CultureInvariant)]
    private static partial Regex Platform();
}
