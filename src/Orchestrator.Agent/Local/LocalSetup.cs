using System.Net;
using Orchestrator.Agent.Endpoints;
using Orchestrator.Engine.Containers;
using Orchestrator.Engine.Images;
using Orchestrator.Engine.Networks;
using Orchestrator.Model;

namespace Orchestrator.Agent.Local;

/// <summary>What the spec of a container of this machine means for the engine.</summary>
internal static class LocalSetup
{
    private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(10);

    /// <param name="attachment">Null: no network of its own.</param>
    /// <param name="shared">Null: of other containers nothing is joined yet.</param>
    /// <exception cref="ContainerException">A value that cannot be read.</exception>
    public static ContainerOptions Of(LocalRecord record, StoredImage image, Attachment? attachment, SharedNamespaces? shared = null)
    {
        var (spec, network) = (record.Spec.Container, record.Spec.Network);
        var options = SpecMeaning.Of(spec, record.Id, image, network, attachment);
        return options with
        {
            Mounts = [.. spec.Mounts.Select(Mount)],
            Limits = SpecMeaning.Limits(record.Spec.Limits),
            NetworkNamespace = options.NetworkNamespace ?? (shared is { Network: > 0 } ? $"/proc/{shared.Network}/ns/net" : null),
            PidsOf = shared?.Pids ?? 0,
            NoNewPrivileges = spec.SecurityOptions.Any(o => o is "no-new-privileges" or "no-new-privileges:true" or "no-new-privileges=true"),
            Input = spec.StdinOpen && record.Spec.StdinOnce && !spec.Tty ? ContainerInput.UntilDetach : options.Input,
            LogBytesMax = record.Spec.Log?.MaxSizeBytes ?? 0,
            LogFilesMax = record.Spec.Log?.MaxFiles ?? 0,
        };
    }

    /// <summary>Null: never killed.</summary>
    public static TimeSpan? Grace(ContainerSpec spec) => spec.StopGracePeriodMs switch
    {
        0 => s_grace,
        < 0 => null,
        var milliseconds => TimeSpan.FromMilliseconds(milliseconds),
    };

    public static IEnumerable<HostPort> HostPorts(LocalRecord record, IPAddress address) => record.Ports.Select(p => new HostPort(
        p.Protocol, p.Published, p.HostIp is "" or "0.0.0.0" ? null : IPAddress.Parse(p.HostIp), address, p.Target));

    private static ContainerMount Mount(MountSpec mount) => mount.Type switch
    {
        MountType.Bind => new BindMount(mount.Source, mount.Target, mount.ReadOnly, mount.CreateHostPath),
        MountType.Tmpfs => new TemporaryMount(mount.Target, mount.TmpfsSizeBytes, mount.TmpfsMode, mount.ReadOnly),
        _ => new VolumeMount(mount.Source.Length == 0 ? null : mount.Source, mount.Target, mount.ReadOnly, mount.Subpath),
    };
}

/// <summary>Processes of other containers whose namespaces are joined; 0: none.</summary>
internal sealed record SharedNamespaces(int Network, int Pids);
