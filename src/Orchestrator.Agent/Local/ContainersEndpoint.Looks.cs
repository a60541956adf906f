using System.Globalization;
using Google.Protobuf;
using Grpc.Core;
using Orchestrator.Engine.Copying;
using Orchestrator.Engine.Stats;
using Orchestrator.Model;

namespace Orchestrator.Agent.Local;

internal sealed partial class ContainersEndpoint
{
    private static readonly TimeSpan s_statsPause = TimeSpan.FromSeconds(1), s_firstStatsPause = TimeSpan.FromMilliseconds(250);

    private const int ChunkBytes = 128 * 1024;

    public override Task<TopResponse> Top(LocalName request, ServerCallContext context)
    {
        var runner = table.Find(request.Name);
        if (!runner.IsRunning)
            throw LocalRefusal.Conflict($"container {runner.Name} does not run");
        var response = new TopResponse { Titles = { "UID", "PID", "PPID", "STIME", "TTY", "TIME", "CMD" } };
        foreach (var row in ProcessTable.Of(Around.Engine.CgroupOf(runner.Run!.Container).Processes))
            response.Processes.Add(new TopProcess
            {
                Fields =
                {
                    Text(row.Uid), Text(row.Pid), Text(row.Parent), row.Started.ToLocalTime().ToString("HH:mm", CultureInfo.InvariantCulture), row.Terminal,
                    row.CpuTime.ToString("hh\\:mm\\:ss", CultureInfo.InvariantCulture), row.Command,
                },
            });
        return Task.FromResult(response);
    }

    public override async Task Stats(StatsRequest request, IServerStreamWriter<StatsResponse> responses, ServerCallContext context)
    {
        var named = request.Names.Select(table.Find).ToList();
        var last = new Dictionary<string, (long CpuNs, long Ticks)>(StringComparer.Ordinal);
        _ = Picture(request, named, last);
        await Task.Delay(s_firstStatsPause, context.CancellationToken);
        while (true)
        {
            await responses.WriteAsync(Picture(request, named, last), context.CancellationToken);
            if (!request.Stream)
                return;
            await Task.Delay(s_statsPause, context.CancellationToken);
            Around.Stopping.ThrowIfCancellationRequested();
        }
    }

    public override async Task<ChangesResponse> Changes(LocalName request, ServerCallContext context)
    {
        var runner = table.Find(request.Name);
        var image = Around.ImageOf(runner.Record) ?? throw LocalRefusal.Conflict($"the image of container {runner.Name} is not here any more");
        var changes = await Task.Run(() => ContainerChanges.Of(Path.GetDirectoryName(runner.Container!.LogPath)!, image));
        return new ChangesResponse { Changes = { changes.Select(c => new Model.FileChange { Kind = (Model.FileChangeKind)c.Kind, Path = c.Path }) } };
    }

    public override async Task CopyOut(CopyOutRequest request, IServerStreamWriter<CopyChunk> responses, ServerCallContext context)
    {
        var runner = table.Find(request.Name);
        await using var output = new ChunkWriter(ChunkBytes, bytes => responses.WriteAsync(new CopyChunk { Data = ByteString.CopyFrom(bytes.Span) }, context.CancellationToken));
        using var files = Files(runner);
        await files.PackAsync(request.Path, request.FollowLink, output, context.CancellationToken);
    }

    public override async Task<CopyInResponse> CopyIn(IAsyncStreamReader<CopyChunk> requests, ServerCallContext context)
    {
        if (!await requests.MoveNext(context.CancellationToken) || requests.Current.Start is not { } start)
            throw LocalRefusal.Invalid("the first message of a copy says where to");
        var runner = table.Find(start.Name);
        await using var input = new ChunkStream(() => NextAsync(requests, context.CancellationToken));
        using var files = Files(runner);
        await files.UnpackAsync(start.Path, input, start.Archive, context.CancellationToken);
        return new CopyInResponse { Path = start.Path };
    }

    private StatsResponse Picture(StatsRequest request, List<LocalRunner> named, Dictionary<string, (long CpuNs, long Ticks)> last)
    {
        var response = new StatsResponse();
        foreach (var runner in named.Count > 0 ? named : table.All.Where(r => request.All || r.IsRunning))
            response.Containers.Add(Stats(runner, last));
        return response;
    }

    private LocalStats Stats(LocalRunner runner, Dictionary<string, (long CpuNs, long Ticks)> last)
    {
        var shown = new LocalStats { Id = runner.Id, Name = runner.Name };
        if (!runner.IsRunning || runner.Run!.Container.Record.Process is not { } process)
            return shown;
        var usage = Around.Engine.CgroupOf(runner.Run.Container).Usage(process.Pid);
        var now = System.Diagnostics.Stopwatch.GetTimestamp();
        if (last.TryGetValue(runner.Id, out var before) && now > before.Ticks)
            shown.CpuPercent = 100.0 * (usage.CpuNs - before.CpuNs) / ((now - before.Ticks) * 1e9 / System.Diagnostics.Stopwatch.Frequency);
        last[runner.Id] = (usage.CpuNs, now);
        (shown.Running, shown.CpuNs, shown.Pids) = (true, usage.CpuNs, usage.Pids);
        (shown.MemoryBytes, shown.MemoryLimitBytes) = (usage.MemoryBytes, usage.MemoryLimitBytes > 0 ? usage.MemoryLimitBytes : Machine.MemoryBytes());
        (shown.NetworkReceivedBytes, shown.NetworkSentBytes) = runner.Record.Spec.Network == "host" ? (0, 0) : (usage.ReceivedBytes, usage.SentBytes);
        (shown.ReadBytes, shown.WrittenBytes) = (usage.ReadBytes, usage.WrittenBytes);
        return shown;
    }

    private ContainerFiles Files(LocalRunner runner)
    {
        var image = Around.ImageOf(runner.Record) ?? throw LocalRefusal.Conflict($"the image of container {runner.Name} is not here any more");
        var container = runner.Container ?? throw LocalRefusal.Conflict($"container {runner.Name} has no files");
        var mounts = LocalView.Of(runner, Around).Mounts.Zip(runner.Record.Spec.Container.Mounts, (m, asked) => (m.Target, m.Source, asked.Subpath))
            .Where(m => m.Source.Length > 0);
        return ContainerFiles.Open(container, image, mounts);
    }

    private static async Task<ReadOnlyMemory<byte>> NextAsync(IAsyncStreamReader<CopyChunk> requests, CancellationToken cancellation) =>
        await requests.MoveNext(cancellation) ? requests.Current.Data.Memory : default;

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
