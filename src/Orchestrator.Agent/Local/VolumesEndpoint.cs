using System.Security.Cryptography;
using Grpc.Core;
using Orchestrator.Engine.Volumes;
using Orchestrator.Model;

namespace Orchestrator.Agent.Local;

/// <summary>Volumes of this machine, also those that stacks made here.</summary>
internal sealed class VolumesEndpoint(LocalTable table) : LocalVolumes.LocalVolumesBase
{
    private VolumeStore Volumes => table.Around.Engine.Volumes;

    public override Task<LocalVolume> Create(CreateVolumeRequest request, ServerCallContext context)
    {
        var anonymous = request.Name.Length == 0;
        var name = anonymous ? Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32)) : request.Name;
        if (Volumes.Create(name, new Dictionary<string, string>(request.Labels), anonymous))
            table.Around.Events.Tell("volume", "create", name, request.Labels.Select(l => (l.Key, l.Value)));
        return Task.FromResult(Show(name));
    }

    public override Task<ListVolumesResponse> List(ListVolumesRequest request, ServerCallContext context)
    {
        var filters = new LocalFilters(request.Filters, "dangling", "name", "label");
        var shown = Volumes.Names.Select(Show).Where(v => filters.Any("name", n => v.Name.Contains(n, StringComparison.Ordinal))
            && filters.Any("dangling", d => d is "true" or "1" == (v.UsedBy.Count == 0)) && filters.Labels(v.Labels));
        return Task.FromResult(new ListVolumesResponse { Volumes = { shown.OrderBy(v => v.Name, StringComparer.Ordinal) } });
    }

    public override Task<LocalVolume> Inspect(VolumeName request, ServerCallContext context) => Task.FromResult(Find(request.Name));

    public override async Task<LocalVolume> Remove(RemoveVolumeRequest request, ServerCallContext context)
    {
        if (request.Force && Volumes.Find(request.Name) is null)
            return new LocalVolume { Name = request.Name };
        var volume = Find(request.Name);
        if (volume.UsedBy.Count > 0)
            throw LocalRefusal.Conflict($"volume {volume.Name} is in use by {string.Join(", ", volume.UsedBy)}");
        await RemoveAsync(volume);
        return volume;
    }

    public override async Task<PruneVolumesResponse> Prune(PruneVolumesRequest request, ServerCallContext context)
    {
        var filters = new LocalFilters(request.Filters, "label", "until");
        var response = new PruneVolumesResponse();
        foreach (var volume in Volumes.Names.Select(Show).Where(v => v.UsedBy.Count == 0 && (request.All || v.Anonymous)))
        {
            if (!filters.Labels(volume.Labels) || !filters.Until(volume.CreatedMs))
                continue;
            response.Bytes += await Task.Run(() => FileTree.SizeBytes(volume.Path));
            await RemoveAsync(volume);
            response.Names.Add(volume.Name);
        }
        return response;
    }

    private async Task RemoveAsync(LocalVolume volume)
    {
        await Task.Run(() => Volumes.Remove(volume.Name));
        table.Around.Events.Tell("volume", "destroy", volume.Name);
    }

    private LocalVolume Find(string name) => Volumes.Find(name) is null
        ? throw LocalRefusal.NotFound($"there is no volume \"{name}\" on this machine; `orc volume ls` lists them") : Show(name);

    private LocalVolume Show(string name)
    {
        var info = Volumes.Find(name) ?? new VolumeInfo(0, new Dictionary<string, string>());
        var shown = new LocalVolume { Name = name, Path = Volumes.PathOf(name), CreatedMs = info.CreatedAtUnixMs, Anonymous = info.Anonymous };
        shown.Labels.Add(new Dictionary<string, string>(info.Labels));
        shown.UsedBy.AddRange(table.All.Where(r => r.Record.AnonymousVolumes.Contains(name) || r.Record.Spec.Container.Mounts.Any(m => m.Type == MountType.Volume && m.Source == name)).Select(r => r.Name));
        shown.UsedBy.AddRange(table.Around.Engine.Containers.Where(c => !table.Owns(c.Id) && c.Record.Volumes.Contains(name)).Select(c => c.Id));
        return shown;
    }
}
