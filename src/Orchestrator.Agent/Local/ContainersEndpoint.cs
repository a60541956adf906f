using Grpc.Core;
using Orchestrator.Engine.Volumes;
using Orchestrator.Linux;
using Orchestrator.Model;

namespace Orchestrator.Agent.Local;

/// <summary>Containers of this machine: their lives. What flows as a stream is in the other part.</summary>
internal sealed partial class ContainersEndpoint(LocalTable table) : LocalContainers.LocalContainersBase
{
    private const int ShortIdLength = 12;

    private LocalSurroundings Around => table.Around;

    public override async Task<CreateLocalResponse> Create(CreateLocalRequest request, ServerCallContext context)
    {
        var runner = await table.CreateAsync(request.Name, request.Spec);
        return new CreateLocalResponse { Id = runner.Id, Name = runner.Name };
    }

    public override Task<LocalContainer> Start(LocalName request, ServerCallContext context) => On(request.Name, r => r.StartAsync());

    public override Task<LocalContainer> Stop(StopLocalRequest request, ServerCallContext context) =>
        On(request.Name, r => r.StopAsync(Grace(request), Signal(request.Signal)));

    public override Task<LocalContainer> Restart(StopLocalRequest request, ServerCallContext context) =>
        On(request.Name, r => r.RestartAsync(Grace(request), Signal(request.Signal)));

    public override Task<LocalContainer> Kill(KillLocalRequest request, ServerCallContext context) =>
        On(request.Name, r => r.KillAsync(Signal(request.Signal) ?? Signals.Kill));

    public override Task<LocalContainer> Pause(LocalName request, ServerCallContext context) => On(request.Name, r => r.PauseAsync(true));

    public override Task<LocalContainer> Unpause(LocalName request, ServerCallContext context) => On(request.Name, r => r.PauseAsync(false));

    public override Task<LocalContainer> Rename(RenameLocalRequest request, ServerCallContext context) => On(request.Name, r => table.RenameAsync(r, request.To));

    public override Task<LocalContainer> Update(UpdateLocalRequest request, ServerCallContext context) => On(request.Name, r => r.UpdateAsync(spec => Apply(request, spec)));

    public override async Task<LocalContainer> Remove(RemoveLocalRequest request, ServerCallContext context)
    {
        var runner = table.Find(request.Name);
        var shown = LocalView.Of(runner, Around);
        await runner.RemoveAsync(request.Force, request.Volumes);
        return shown;
    }

    public override Task<LocalContainer> Inspect(LocalName request, ServerCallContext context) => On(request.Name, _ => Task.CompletedTask);

    public override Task<ListLocalResponse> List(ListLocalRequest request, ServerCallContext context)
    {
        var filters = new LocalFilters(request.Filters, "name", "id", "status", "label", "exited", "ancestor", "health", "volume", "network", "publish", "since", "before");
        var all = request.All || filters.Has("status") || filters.Has("exited");
        var shown = table.All.Select(r => LocalView.Of(r, Around)).Where(c => all || IsUp(c)).Where(c => Matches(c, filters)).OrderByDescending(c => c.CreatedMs);
        return Task.FromResult(new ListLocalResponse { Containers = { shown } });
    }

    public override async Task<PruneLocalResponse> Prune(PruneLocalRequest request, ServerCallContext context)
    {
        var filters = new LocalFilters(request.Filters, "label", "until");
        var response = new PruneLocalResponse();
        foreach (var runner in table.All.Where(r => LocalView.Of(r, Around).State is LocalState.LocalExited or LocalState.LocalCreated))
        {
            if (!filters.Labels(runner.Record.Spec.Container.Labels) || !filters.Until(runner.Record.CreatedMs))
                continue;
            response.Bytes += runner.Container is { } container ? await Task.Run(() => FileTree.SizeBytes(Path.GetDirectoryName(container.LogPath)!)) : 0;
            await runner.RemoveAsync(force: false, volumes: false);
            response.Ids.Add(runner.Id);
        }
        return response;
    }

    public override async Task<WaitLocalResponse> Wait(WaitLocalRequest request, ServerCallContext context)
    {
        var runner = table.Find(request.Name);
        var exits = runner.Exits;
        await runner.UntilAsync(r => request.Condition switch
        {
            WaitCondition.NextExit => r.Exits > exits,
            WaitCondition.Removed => r.Removed.IsCompleted,
            _ => r is { IsRunning: false, WaitsToRestart: false },
        }, context.CancellationToken);
        var container = runner.Run?.Container ?? runner.Container;
        return new WaitLocalResponse { ExitCode = container is null ? 0 : LocalView.ExitCode(container), Error = container?.Record.Exit?.Error ?? "" };
    }

    private async Task<LocalContainer> On(string name, Func<LocalRunner, Task> act)
    {
        var runner = table.Find(name);
        await act(runner);
        return LocalView.Of(runner, Around);
    }

    private static TimeSpan? Grace(StopLocalRequest request) => request.HasTimeoutMs ? TimeSpan.FromMilliseconds(request.TimeoutMs) : null;

    private static int? Signal(string text)
    {
        if (text.Length == 0)
            return null;
        return Signals.TryParse(text, out var signal) ? signal
            : throw LocalRefusal.Invalid($"signal \"{text}\" is no signal; expected a name such as TERM or a number from 1 to 64");
    }

    private static void Apply(UpdateLocalRequest request, LocalSpec spec)
    {
        var limits = spec.Limits ??= new Resources();
        limits.NanoCpus = request.HasNanoCpus ? request.NanoCpus : limits.NanoCpus;
        limits.MemoryBytes = request.HasMemoryBytes ? request.MemoryBytes : limits.MemoryBytes;
        // Without a limit on memory there is none on both together.
        limits.MemorySwapBytes = request.HasMemorySwapBytes ? request.MemorySwapBytes : limits.MemoryBytes == 0 ? 0 : limits.MemorySwapBytes;
        limits.MemoryReservationBytes = request.HasMemoryReservationBytes ? request.MemoryReservationBytes : limits.MemoryReservationBytes;
        limits.Pids = request.HasPids ? request.Pids : limits.Pids;
        limits.CpusetCpus = request.HasCpusetCpus ? request.CpusetCpus : limits.CpusetCpus;
        limits.CpusetMems = request.HasCpusetMems ? request.CpusetMems : limits.CpusetMems;
        limits.CpuShares = request.HasCpuShares ? request.CpuShares : limits.CpuShares;
        limits.BlkioWeight = request.HasBlkioWeight ? request.BlkioWeight : limits.BlkioWeight;
        spec.Restart = request.Restart ?? spec.Restart;
        LocalChecks.Check(spec);
    }

    private static bool IsUp(LocalContainer container) =>
        container.State is LocalState.LocalRunning or LocalState.LocalPaused or LocalState.LocalRestarting;

    private bool Matches(LocalContainer container, LocalFilters filters) =>
        filters.Any("name", n => container.Name.Contains(n.TrimStart('/'), StringComparison.Ordinal))
        && filters.Any("id", id => container.Id.StartsWith(id, StringComparison.Ordinal))
        && filters.Any("status", s => "Local" + s == container.State.ToString() || string.Equals(container.State.ToString()[5..], s, StringComparison.OrdinalIgnoreCase))
        && filters.Any("exited", code => container.State == LocalState.LocalExited && container.ExitCode.ToString(System.Globalization.CultureInfo.InvariantCulture) == code)
        && filters.Any("ancestor", image => container.Spec.Container.Image == image || ImageNames.Find(Around.Images, image)?.Digest.ToString() == container.ImageDigest)
        && filters.Any("health", h => container.Health.ToString().Equals(h == "none" ? "LocalHealthNone" : h, StringComparison.OrdinalIgnoreCase))
        && filters.Any("volume", v => container.Mounts.Any(m => m.Name == v || m.Target == v || m.Source == v))
        && filters.Any("network", n => (container.Spec.Network.Length == 0 ? "bridge" : container.Spec.Network) == n)
        && filters.Any("publish", p => container.Ports.Any(s => s.Published.ToString(System.Globalization.CultureInfo.InvariantCulture) == p.Split('/')[0]))
        && filters.Any("since", n => container.CreatedMs > table.Find(n).Record.CreatedMs)
        && filters.Any("before", n => container.CreatedMs < table.Find(n).Record.CreatedMs)
        && filters.Labels(container.Spec.Container.Labels);
}
