namespace Orchestrator.Engine.Images;

public sealed record ImageStoreOptions
{
    /// <summary>Layers downloaded at a time, over all pulls.</summary>
    public int ParallelDownloadsMax { get; init; } = 3;
}
