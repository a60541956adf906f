using Orchestrator.Oci.Runtime;

namespace Orchestrator.Conformance;

/// <summary>Short ways to a config.json that differs in one thing.</summary>
internal static class Configs
{
    public const uint HostId = 100_000, IdCount = 65_536;

    public static Func<RuntimeConfig, RuntimeConfig> WithProcess(Func<ProcessConfig, ProcessConfig> change) => c => c with { Process = change(c.Process!) };

    public static Func<RuntimeConfig, RuntimeConfig> WithLinux(Func<LinuxConfig, LinuxConfig> change) => c => c with { Linux = change(c.Linux) };

    public static Func<RuntimeConfig, RuntimeConfig> Mount(string type, string source, string destination, params string[] options) =>
        c => c with { Mounts = [.. c.Mounts, new MountConfig { Type = type, Source = source, Destination = destination, Options = options }] };

    public static Func<RuntimeConfig, RuntimeConfig> Bind(string source, string destination, params string[] options) =>
        Mount("bind", source, destination, [.. options.Any(o => o is "bind" or "rbind") ? [] : new[] { "bind" }, .. options]);

    public static Func<RuntimeConfig, RuntimeConfig> Namespace(string type, string? path = null) => WithLinux(l => l with
    {
        Namespaces = [.. l.Namespaces.Where(n => n.Type != type), new NamespaceConfig { Type = type, Path = path }],
    });

    public static Func<RuntimeConfig, RuntimeConfig> Without(string type) => WithLinux(l => l with { Namespaces = [.. l.Namespaces.Where(n => n.Type != type)] });

    /// <summary>A user namespace whose ids are the host's from 100,000 on.</summary>
    public static Func<RuntimeConfig, RuntimeConfig> UserNamespace() => All(Namespace("user"), WithLinux(l => l with
    {
        UidMappings = [new IdMapping { ContainerId = 0, HostId = HostId, Size = IdCount }],
        GidMappings = [new IdMapping { ContainerId = 0, HostId = HostId, Size = IdCount }],
    }));

    public static Func<RuntimeConfig, RuntimeConfig> Seccomp(SeccompConfig seccomp) => WithLinux(l => l with { Seccomp = seccomp });

    public static Func<RuntimeConfig, RuntimeConfig> All(params Func<RuntimeConfig, RuntimeConfig>[] changes) =>
        config => changes.Aggregate(config, (changed, change) => change(changed));
}
