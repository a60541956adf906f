using Orchestrator.Model;
using Orchestrator.Oci;

namespace Orchestrator.Control.Api;

/// <summary>Gives every service of a spec the digest of its image, so that all its replicas run the same bytes.</summary>
internal sealed class Images(RegistryClient registry)
{
    /// <summary>Fills the digests in <paramref name="spec"/>. Answers warnings.</summary>
    /// <exception cref="Grpc.Core.RpcException">An image is not to be had: names service, image and the registry's answer.</exception>
    public async Task<IReadOnlyList<string>> ResolveAsync(StackSpec spec, ClusterState state, CancellationToken cancellation)
    {
        // What is never pulled is what each node has under that name.
        var pulled = spec.Services.Where(s => s.Container.PullPolicy != "never").ToList();
        var asked = pulled.Select(s => (s.Container.Image, s.Platform)).Distinct().ToDictionary(a => a, a => ResolveAsync(a.Image, a.Platform, cancellation));
        var warnings = new List<string>();
        var errors = new List<string>();
        foreach (var service in pulled)
        {
            var answer = await asked[(service.Container.Image, service.Platform)];
            if (answer.Digest is not null)
                service.Container.ImageDigest = answer.Digest;
            else if (answer.IsUnreachable && KnownDigest(state, service.Container.Image) is { } known)
            {
                service.Container.ImageDigest = known;
                warnings.Add($"service {service.Name}: image {service.Container.Image} stays at {known}: {answer.Error}");
            }
            else
                errors.Add($"service {service.Name}: {answer.Error}");
        }
        return errors.Count == 0 ? warnings : throw Refusals.Precondition(string.Join("\n", errors));
    }

    private async Task<Answer> ResolveAsync(string image, string platform, CancellationToken cancellation)
    {
        if (!ImageReference.TryParse(image, out var reference, out var error))
            return new Answer(null, error, false);
        try
        {
            var resolved = await registry.ResolveAsync(reference, PlatformOf(platform), cancellation);
            return new Answer(resolved.Digest.ToString(), "", false);
        }
        catch (RegistryException e)
        {
            return new Answer(null, e.Message, e.Failure == RegistryFailure.Unreachable);
        }
    }

    private static Platform? PlatformOf(string platform) =>
        platform.Split('/') is [var os, var architecture, ..] parts ? new Platform(os, architecture, parts.Length > 2 ? parts[2] : null) : null;

    private static string? KnownDigest(ClusterState state, string image) =>
        state.Services.Values.Select(s => s.Spec.Container).FirstOrDefault(c => c.Image == image && c.ImageDigest.Length > 0)?.ImageDigest;

    private sealed record Answer(string? Digest, string Error, bool IsUnreachable);
}
