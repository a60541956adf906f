namespace Orchestrator.Oci.Registry;

internal enum RegistryAccess
{
    Pull,
    Push,
}

/// <summary>What a request is for: decides its authorization, and is named when it fails.</summary>
/// <param name="Blob">Null for a manifest.</param>
internal sealed record RegistryPurpose(ImageReference Image, RegistryAccess Access, Digest? Blob = null)
{
    public string Scope => $"repository:{Image.Repository}:{(Access == RegistryAccess.Push ? "pull,push" : "pull")}";

    public RegistryException Fail(RegistryFailure failure, string cause, System.Net.HttpStatusCode? status = null, Exception? inner = null) =>
        new(failure, Image, Blob, cause, status, inner);
}
