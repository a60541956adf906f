using System.Globalization;
using Microsoft.Extensions.Logging;
using Orchestrator.Agent.Health;
using Orchestrator.Agent.Session;
using Orchestrator.Engine.Containers;
using Orchestrator.Engine.Images;
using Orchestrator.Engine.Networks;
using Orchestrator.Model;
using Orchestrator.Oci;
using Digest = Orchestrator.Oci.Digest;

namespace Orchestrator.Agent.Replicas;

/// <summary>What all replicas of this node share.</summary>
/// <param name="directory">Of the replicas' records.</param>
internal sealed class ReplicaSurroundings(
    string directory, ContainerEngine engine, ImageStore images, DataPlane dataPlane, ObservedReports reports, ILogger logger) : IDisposable
{
    private static readonly TimeSpan s_progressPause = TimeSpan.FromSeconds(1);

    // Local work only: a pull that hangs holds no turn.
    private readonly SemaphoreSlim _turns = new(8 + Environment.ProcessorCount);

    public ContainerEngine Engine { get; } = engine;
    public NodeNetworks Networks => dataPlane.Networks;
    public ObservedReports Reports { get; } = reports;
    public ILogger Logger { get; } = logger;

    public IReadOnlyList<ReplicaRecord> Load()
    {
        Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return [.. Directory.EnumerateFiles(directory, "*.replica").Select(ReplicaRecord.Load).OfType<ReplicaRecord>()];
    }

    /// <summary>A full disk must not keep a replica from being stopped or reported: only a later agent misses the record.</summary>
    public void Save(ReplicaRecord record)
    {
        try
        {
            record.Save(PathOf(record.Assignment.ReplicaId));
        }
        catch (IOException e)
        {
            Logger.LogWarning("replica {Id}: its record cannot be written: {Message}", record.Assignment.ReplicaId, e.Message);
        }
    }

    public void Forget(string replicaId) => File.Delete(PathOf(replicaId));

    public async Task<IDisposable> TakeTurnAsync(CancellationToken cancellationToken)
    {
        await _turns.WaitAsync(cancellationToken);
        return new Turn(_turns);
    }

    public async Task<StoredImage> PullAsync(ContainerSpec spec, Action<string> report, CancellationToken cancellationToken)
    {
        Digest? digest = spec.ImageDigest.Length > 0 ? Digest.Parse(spec.ImageDigest) : null;
        if (digest is { } known && images.Find(known) is { } present)
            return present;
        if (spec.PullPolicy == "never")
            return images.Find(ImageReference.Parse(spec.Image))
                ?? throw new ContainerException($"image {spec.Image} is not on this node, and its pull policy is never: load or pull it here, or choose another policy");
        return await images.PullAsync(ImageReference.Parse(spec.Image), digest, new PullReport(report), cancellationToken);
    }

    /// <returns>Null: it is on the machine's own network.</returns>
    public async Task<Attachment?> AttachAsync(Assignment replica, CancellationToken cancellationToken)
    {
        if (replica.Spec.NetworkMode == "host")
            return null;
        var attachment = await Networks.AttachAsync(replica.ReplicaId, ContainerSetup.Networks(replica), cancellationToken);
        await dataPlane.PublishOnNodeAsync(replica, attachment);
        return attachment;
    }

    public async Task DetachAsync(string replicaId)
    {
        await dataPlane.UnpublishOnNodeAsync(replicaId);
        await Networks.DetachAsync(replicaId);
    }

    /// <summary>Null: its health is not checked.</summary>
    public HealthCheck? CheckOf(ContainerSpec spec)
    {
        var image = Digest.TryParse(spec.ImageDigest, out var digest) ? images.Find(digest)
            : ImageReference.TryParse(spec.Image, out var reference, out _) ? images.Find(reference) : null;
        return HealthCheck.Of(spec.Healthcheck, image?.Config.Healthcheck);
    }

    public void Dispose() => _turns.Dispose();

    private string PathOf(string replicaId) => Path.Combine(directory, replicaId + ".replica");

    private sealed class Turn(SemaphoreSlim turns) : IDisposable
    {
        public void Dispose() => turns.Release();
    }

    /// <summary>One sentence a second about all layers of a pull.</summary>
    private sealed class PullReport(Action<string> report) : IProgress<PullProgress>
    {
        private readonly Lock _lock = new();
        private readonly Dictionary<Digest, PullProgress> _layers = [];
        private long _lastTicks = Environment.TickCount64;

        public void Report(PullProgress value)
        {
            string message;
            lock (_lock)
            {
                _layers[value.Layer] = value;
                if (Environment.TickCount64 - _lastTicks < s_progressPause.TotalMilliseconds)
                    return;
                _lastTicks = Environment.TickCount64;
                message = string.Create(CultureInfo.InvariantCulture,
                    $"pulling: {_layers.Values.Count(l => l.Stage == PullStage.Done)} of {_layers.Count} layers, {_layers.Values.Sum(l => l.Bytes) >> 20} of {_layers.Values.Sum(l => l.Total) >> 20} MiB");
            }
            report(message);
        }
    }
}
