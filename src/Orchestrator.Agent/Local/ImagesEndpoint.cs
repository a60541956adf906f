using System.Text.Json;
using System.Threading.Channels;
using Google.Protobuf;
using Grpc.Core;
using Orchestrator.Engine.Images;
using Orchestrator.Model;
using Orchestrator.Oci;

namespace Orchestrator.Agent.Local;

/// <summary>Images of this machine.</summary>
internal sealed class ImagesEndpoint(LocalTable table) : LocalImages.LocalImagesBase
{
    private ImageStore Images => table.Around.Images;

    public override async Task Pull(PullImageRequest request, IServerStreamWriter<PullImageResponse> responses, ServerCallContext context)
    {
        var reference = Parse(request.Reference);
        if (request.OnlyIfMissing && ImageNames.Find(Images, request.Reference) is { } present)
        {
            await responses.WriteAsync(new PullImageResponse { Image = Show(present), WasHere = true });
            return;
        }
        var before = Images.Find(reference)?.Digest;
        var progress = Channel.CreateBounded<PullProgress>(new BoundedChannelOptions(256) { FullMode = BoundedChannelFullMode.DropOldest });
        var pulling = PullAsync(reference, progress.Writer, context.CancellationToken);
        await foreach (var step in progress.Reader.ReadAllAsync(context.CancellationToken))
            await responses.WriteAsync(new PullImageResponse { Layer = Show(step) });
        var image = await pulling;
        table.Around.Events.Tell("image", "pull", reference.ToString());
        await responses.WriteAsync(new PullImageResponse { Image = Show(image), WasHere = before == image.Digest });
    }

    public override async Task<ListImagesResponse> Load(IAsyncStreamReader<CopyChunk> requests, ServerCallContext context)
    {
        await using var archive = new ChunkStream(() => NextAsync(requests, context.CancellationToken));
        var images = await Images.LoadAsync(archive, null, context.CancellationToken);
        return new ListImagesResponse { Images = { images.Select(Show) } };
    }

    public override Task<LocalImage> Tag(TagImageRequest request, ServerCallContext context) =>
        Task.FromResult(Show(Images.Tag(Find(request.Source), Parse(request.Target))));

    public override Task<ListImagesResponse> List(ListImagesRequest request, ServerCallContext context) =>
        Task.FromResult(new ListImagesResponse { Images = { Images.Images.Select(Show).OrderByDescending(i => i.CreatedMs) } });

    public override Task<LocalImage> Inspect(ImageName request, ServerCallContext context) => Task.FromResult(Show(Find(request.Name)));

    public override Task<RemoveImageResponse> Remove(RemoveImageRequest request, ServerCallContext context)
    {
        var image = Find(request.Name);
        var response = new RemoveImageResponse();
        var named = ImageReference.TryParse(request.Name, out var reference, out _) && image.References.Contains(reference.ToString()) ? reference.ToString() : null;
        if (named is not null && image.References.Count > 1)
        {
            Images.Untag(image, named);
            response.Untagged.Add(named);
            return Task.FromResult(response);
        }
        if (UsedBy(image).ToList() is { Count: > 0 } users)
            throw LocalRefusal.Conflict($"image {request.Name} is in use by {string.Join(", ", users)}; remove them first");
        response.Untagged.AddRange(image.References);
        Images.Remove(image.Digest);
        response.Removed.Add(image.Digest.ToString());
        table.Around.Events.Tell("image", "delete", image.Digest.ToString());
        return Task.FromResult(response);
    }

    public override Task<PruneImagesResponse> Prune(PruneImagesRequest request, ServerCallContext context)
    {
        var response = new PruneImagesResponse();
        foreach (var image in Images.Images.Where(i => (request.All || i.References.Count == 0) && !UsedBy(i).Any()).ToList())
        {
            response.Bytes += Images.SizeBytes(image);
            Images.Remove(image.Digest);
            response.Removed.Add(image.References is [var name, ..] ? name : image.Digest.ToString());
        }
        return Task.FromResult(response);
    }

    private static ImageReference Parse(string text) =>
        ImageReference.TryParse(text, out var reference, out var error) ? reference : throw LocalRefusal.Invalid(error);

    private StoredImage Find(string name) =>
        ImageNames.Find(Images, name) ?? throw LocalRefusal.NotFound($"there is no image \"{name}\" on this machine; `orc image ls` lists them");

    private async Task<StoredImage> PullAsync(ImageReference reference, ChannelWriter<PullProgress> progress, CancellationToken cancellation)
    {
        try
        {
            return await Images.PullAsync(reference, null, new Progress(progress), cancellation);
        }
        finally
        {
            progress.Complete();
        }
    }

    private static async Task<ReadOnlyMemory<byte>> NextAsync(IAsyncStreamReader<CopyChunk> requests, CancellationToken cancellation) =>
        await requests.MoveNext(cancellation) ? requests.Current.Data.Memory : default;

    private IEnumerable<string> UsedBy(StoredImage image)
    {
        foreach (var runner in table.All.Where(r => r.Record.ImageDigest == image.Digest.ToString()))
            yield return runner.Name;
        foreach (var container in table.Around.Engine.Containers.Where(c => !table.Owns(c.Id) && c.Record.ImageDigest == image.Digest.ToString()))
            yield return $"replica {container.Id[..Math.Min(12, container.Id.Length)]}";
    }

    private LocalImage Show(StoredImage image)
    {
        var shown = new LocalImage
        {
            Digest = image.Digest.ToString(),
            CreatedMs = image.Config.Created?.ToUnixTimeMilliseconds() ?? 0,
            SizeBytes = Images.SizeBytes(image),
            Architecture = image.Config.Architecture,
            Os = image.Config.Os,
            Config = ByteString.CopyFrom(JsonSerializer.SerializeToUtf8Bytes(image.Config, OciJson.Default.ImageConfig)),
        };
        shown.References.AddRange(image.References);
        shown.UsedBy.AddRange(UsedBy(image));
        return shown;
    }

    private static LayerProgress Show(PullProgress step) =>
        new() { Layer = step.Layer.ToString(), Stage = step.Stage.ToString().ToLowerInvariant(), Bytes = step.Bytes, Total = step.Total };

    private sealed class Progress(ChannelWriter<PullProgress> writer) : IProgress<PullProgress>
    {
        public void Report(PullProgress value) => writer.TryWrite(value);
    }
}
