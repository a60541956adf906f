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
        PlacementReader.OwnKeys,
    };

    public static ServiceSpec Read(Field field, StackDraft stack)
    {
        var draft = new ServiceDraft(stack, field.Key);
        s_keys.Read(field, draft);
        if (field.IsNull || (field.IsMapping && field.Entries().All(e => e.Key != "image" || e.IsNull)))
            field.RefuseKey("has no image; write image: and the name of one");
        foreach (var (name, value) in draft.FileEnvironment)
            if (!draft.Container.Environment.ContainsKey(name))
                draft.Container.Environment.Add(name, value);
        if (draft.Spec.Networks.Count == 0)
            draft.Spec.Networks.Add(new NetworkAttachment { Network = NetworkReader.Default });
        return draft.Spec;
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
