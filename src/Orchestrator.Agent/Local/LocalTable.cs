using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging;
using Orchestrator.Engine.Containers;
using Orchestrator.Engine.Images;
using Orchestrator.Model;
using Orchestrator.Oci;

namespace Orchestrator.Agent.Local;

/// <summary>All containers of this machine that are no replicas, by name and id.</summary>
internal sealed partial class LocalTable(LocalSurroundings around) : IDisposable
{
    private readonly Dictionary<string, LocalRunner> _runners = new(StringComparer.Ordinal);
    private readonly HashSet<string> _reserved = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _ports = new(1, 1);
    private readonly Lock _lock = new();

    public LocalSurroundings Around => around;

    public IReadOnlyList<LocalRunner> All
    {
        get
        {
            lock (_lock)
                return [.. _runners.Values];
        }
    }

    public bool Owns(string id)
    {
        lock (_lock)
            return _runners.ContainsKey(id);
    }

    /// <summary>Knows again what earlier agents made; nothing is touched yet.</summary>
    public void Load()
    {
        lock (_lock)
            foreach (var record in around.Load())
                _runners.Add(record.Id, new LocalRunner(around, this, record));
    }

    /// <summary>Goes on with what earlier agents held.</summary>
    public async Task RecoverAsync()
    {
        foreach (var runner in All)
        {
            try
            {
                await runner.RecoverAsync();
            }
            catch (Exception e) when (e is ContainerException or IOException or InvalidOperationException or LocalRefusal)
            {
                around.Logger.LogError(e, "container {Name} could not be taken over", runner.Name);
            }
        }
        if (All.Count > 0)
            around.Logger.LogInformation("{Count} containers of this machine found", All.Count);
    }

    /// <summary>The container with this name, this id, or the only one whose id begins so.</summary>
    public LocalRunner Find(string name)
    {
        var bare = name.TrimStart('/');
        lock (_lock)
        {
            if (_runners.TryGetValue(bare, out var exact) || (exact = _runners.Values.FirstOrDefault(r => r.Name == bare)) is not null)
                return exact;
            var begin = bare.Length > 0 ? _runners.Values.Where(r => r.Id.StartsWith(bare, StringComparison.Ordinal)).ToList() : [];
            return begin.Count switch
            {
                1 => begin[0],
                0 => throw LocalRefusal.NotFound($"there is no container \"{name}\" on this machine; `orc ps -a` lists them"),
                _ => throw LocalRefusal.Invalid($"\"{name}\" begins the ids of {begin.Count} containers: {string.Join(", ", begin.Select(r => $"{r.Id[..12]} ({r.Name})"))}"),
            };
        }
    }

    public async Task<LocalRunner> CreateAsync(string name, LocalSpec spec)
    {
        var image = Image(spec.Container.Image);
        var record = new LocalRecord
        {
            Id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32)),
            Spec = spec.Clone(),
            CreatedMs = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds(),
            ImageDigest = image.Digest.ToString(),
        };
        foreach (var from in spec.VolumesFrom)
            TakeVolumes(record.Spec.Container, from);
        DeclareVolumes(record.Spec.Container, image);
        LocalChecks.Check(record.Spec);
        record.Name = Reserve(name);
        try
        {
            return await CreateAsync(record, image);
        }
        finally
        {
            lock (_lock)
                _reserved.Remove(record.Name);
        }
    }

    public async Task RenameAsync(LocalRunner runner, string to)
    {
        var name = Reserve(to.Length > 0 ? to : throw LocalRefusal.Invalid("the new name is empty"));
        try
        {
            await runner.RenameAsync(name);
        }
        finally
        {
            lock (_lock)
                _reserved.Remove(name);
        }
    }

    public void Forget(LocalRunner runner)
    {
        lock (_lock)
            _runners.Remove(runner.Id);
    }

    /// <summary>Of `--network` and `--pid` with `container:NAME`: the processes of the others, which must run.</summary>
    public SharedNamespaces Shared(LocalRecord record) => new(Shared(record.Spec.Network, "network"), Shared(record.Spec.Container.PidMode, "process table"));

    /// <summary>Whether another container mounts a volume that was made for this one.</summary>
    public bool OthersUseVolumesOf(LocalRunner runner) => All.Any(r => r != runner && r.Record.Spec.Container.Mounts.Any(
        m => m.Type == MountType.Volume && runner.Record.AnonymousVolumes.Contains(m.Source)));

    private int Shared(string mode, string what)
    {
        const string prefix = "container:";
        if (!mode.StartsWith(prefix, StringComparison.Ordinal))
            return 0;
        var other = Find(mode[prefix.Length..]);
        return other.IsRunning && other.Container?.Record.Process is { } process ? process.Pid
            : throw LocalRefusal.Conflict($"container {other.Name} does not run, so its {what} cannot be joined");
    }

    // Those of its own at the same place come first, as with Docker.
    private void TakeVolumes(ContainerSpec spec, string from)
    {
        var (name, mode) = from.Split(':', 2) is [var n, var m] ? (n, m) : (from, "rw");
        if (mode is not ("ro" or "rw"))
            throw LocalRefusal.Invalid($"volumes-from \"{from}\": expected NAME, NAME:ro or NAME:rw");
        var other = Find(name).Record;
        var anonymous = 0;
        foreach (var mount in other.Spec.Container.Mounts.Where(m => m.Type != MountType.Tmpfs))
        {
            var taken = mount.Clone();
            if (taken.Type == MountType.Volume && taken.Source.Length == 0)
                taken.Source = other.AnonymousVolumes[anonymous++];
            taken.ReadOnly |= mode == "ro";
            if (spec.Mounts.All(own => own.Target.TrimEnd('/') != taken.Target.TrimEnd('/')))
                spec.Mounts.Add(taken);
        }
    }

    /// <summary>Every published port, those left open decided; one at a time, so that no two get the same.</summary>
    public async Task DecidePortsAsync(LocalRunner runner, Action<IReadOnlyList<PortSpec>> note)
    {
        await _ports.WaitAsync(around.Stopping);
        try
        {
            var decided = new List<PortSpec>();
            foreach (var port in runner.Record.Spec.Ports)
                decided.Add(await DecidePortAsync(runner, port));
            note(decided);
        }
        finally
        {
            _ports.Release();
        }
    }

    public void Dispose()
    {
        _ports.Dispose();
        foreach (var runner in All)
            runner.Dispose();
    }

    private async Task<LocalRunner> CreateAsync(LocalRecord record, StoredImage image)
    {
        var options = LocalSetup.Of(record, image, null);
        // The record first: what the engine makes is then known to be a local one whatever happens.
        around.Save(record);
        var runner = new LocalRunner(around, this, record);
        lock (_lock)
            _runners.Add(record.Id, runner);
        try
        {
            var container = await Task.Run(() => around.Engine.Create(options));
            record.AnonymousVolumes.AddRange(container.Record.OwnVolumes);
            record.Command.AddRange(ContainerProcess.Resolve(options, image.Config, "").Arguments);
            around.Save(record);
        }
        catch
        {
            Forget(runner);
            around.Forget(record.Id);
            runner.Dispose();
            throw;
        }
        runner.Tell("create");
        return runner;
    }

    private StoredImage Image(string name)
    {
        if (ImageNames.Find(around.Images, name) is { } found)
            return found;
        throw ImageReference.TryParse(name, out _, out var error) ? LocalRefusal.NotFound($"image {name} is not on this machine") : LocalRefusal.Invalid(error);
    }

    // So that they are seen, and keep their order, among the others.
    private static void DeclareVolumes(ContainerSpec spec, StoredImage image)
    {
        foreach (var target in image.Config.Volumes.Where(v => spec.Mounts.All(m => m.Target.TrimEnd('/') != v.TrimEnd('/'))).Order(StringComparer.Ordinal))
            spec.Mounts.Add(new MountSpec { Type = MountType.Volume, Target = target });
    }

    private string Reserve(string name)
    {
        lock (_lock)
        {
            var chosen = name.Length > 0 ? name.TrimStart('/') : RandomName.Choose(IsTaken);
            if (!NamePattern().IsMatch(chosen))
                throw LocalRefusal.Invalid($"name \"{name}\": expected a letter or digit, then letters, digits, _ . and -");
            if (IsTaken(chosen))
                throw new LocalRefusal(Grpc.Core.StatusCode.AlreadyExists, $"the name \"{chosen}\" is taken by another container; remove or rename that one first");
            _reserved.Add(chosen);
            return chosen;
        }
    }

    private bool IsTaken(string name) => _reserved.Contains(name) || _runners.Values.Any(r => r.Name == name);

    private async Task<PortSpec> DecidePortAsync(LocalRunner runner, PortSpec port)
    {
        var decided = port.Clone();
        if (port.Published == 0)
            decided.Published = runner.Record.Ports.FirstOrDefault(p => p.Target == port.Target && p.Protocol == port.Protocol)?.Published ?? 0;
        for (var attempt = 0; decided.Published == 0 || (port.Published == 0 && around.DataPlane.IsPublished(port.Protocol, port.HostIp, decided.Published, runner.Id)); attempt++)
            decided.Published = attempt < 100 ? await around.FreePortAsync(port.Protocol, port.HostIp)
                : throw LocalRefusal.Conflict($"no port of this machine is free for {port.Target}");
        var shown = $"port {(port.HostIp.Length > 0 ? port.HostIp + ":" : "")}{decided.Published}/{(port.Protocol == Protocol.Udp ? "udp" : "tcp")}";
        if (around.DataPlane.IsPublished(port.Protocol, port.HostIp, decided.Published, runner.Id))
            throw LocalRefusal.Conflict($"{shown} is published already, by a container or a service");
        return await around.IsFreeAsync(port.Protocol, port.HostIp, decided.Published) ? decided
            : throw LocalRefusal.Conflict($"{shown} cannot be published: a program of this machine uses it, or the address is not this machine's");
    }

    [GeneratedRegex(@"^[a-zA-Z0-9][a-zA-Z0-9_.-]*\z")]
    private static partial Regex NamePattern();
}
