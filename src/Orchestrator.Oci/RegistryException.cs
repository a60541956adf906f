using System.Net;

namespace Orchestrator.Oci;

public enum RegistryFailure
{
    /// <summary>The registry does not have the repository, manifest or blob.</summary>
    NotFound,

    /// <summary>Credentials are missing, wrong, or not enough.</summary>
    Unauthorized,

    /// <summary>No answer: refused connection, unknown host, failed TLS, timeout, connection lost half-way.</summary>
    Unreachable,

    /// <summary>What came is not what its digest names.</summary>
    DigestMismatch,

    /// <summary>No manifest for the platform, or a kind of content that is not supported.</summary>
    Unsupported,

    /// <summary>The registry answered, with another error or with nonsense.</summary>
    BadAnswer,
}

/// <summary>A registry did not give or take what was asked. The message names registry, repository, reference or blob, and the cause.</summary>
public sealed class RegistryException : Exception
{
    public RegistryException(RegistryFailure failure, ImageReference image, Digest? blob, string cause, HttpStatusCode? status = null, Exception? inner = null)
        : base($"{(blob is null ? "image" : $"blob {blob} of image")} {image}: {cause}", inner) =>
        (Failure, Image, Blob, Status) = (failure, image, blob, status);

    public RegistryFailure Failure { get; }

    public ImageReference Image { get; }

    /// <summary>The blob that was asked for, or null when it was a manifest.</summary>
    public Digest? Blob { get; }

    public HttpStatusCode? Status { get; }

    /// <summary>Whether the same request may succeed a little later.</summary>
    public bool IsTransient =>
        Failure == RegistryFailure.Unreachable || (int?)Status is 408 or 429 or >= 500 and not 501;
}
