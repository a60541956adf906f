using System.Net.Http.Headers;
using System.Security.Cryptography;
using Orchestrator.Oci.Registry;

namespace Orchestrator.Oci;

public sealed partial class RegistryClient
{
    /// <summary>Uploads a blob unless the repository has it.</summary>
    /// <param name="open">Opens the content from its start; called again for a retry.</param>
    /// <exception cref="RegistryException"/>
    public Task PushBlobAsync(ImageReference image, Descriptor blob, Func<Stream> open, IProgress<long>? progress, CancellationToken cancellation)
    {
        var purpose = new RegistryPurpose(image, RegistryAccess.Push, blob.Digest);
        return _connection.RetryAsync(async c =>
        {
            if (await BlobExistsAsync(purpose, c))
                return true;
            var upload = await StartUploadAsync(purpose, c);
            await CommitUploadAsync(purpose, upload, blob.Digest, () => new BlobContent((to, t) => CopyAsync(open, to, progress, t), blob.Size), c);
            return true;
        }, cancellation);
    }

    /// <summary>Uploads what <paramref name="write"/> writes, whose digest nobody knows yet.</summary>
    /// <param name="write">Called again for a retry.</param>
    /// <exception cref="RegistryException"/>
    public Task<(Digest Digest, long Size)> PushStreamAsync(ImageReference image, Func<Stream, CancellationToken, Task> write, CancellationToken cancellation)
    {
        var purpose = new RegistryPurpose(image, RegistryAccess.Push);
        return _connection.RetryAsync(async c =>
        {
            var upload = await StartUploadAsync(purpose, c);
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            long size = 0;
            var content = () => new BlobContent(async (to, t) =>
            {
                hash.GetHashAndReset();
                var hashing = new HashingStream(to, hash);
                await write(hashing, t);
                size = hashing.Count;
            }, null);
            using var response = await SendUploadAsync(purpose, HttpMethod.Patch, upload, content, c);
            var digest = Digest.FromHash(hash.GetHashAndReset());
            await CommitUploadAsync(purpose, NextLocation(purpose, response), digest, null, c);
            return (digest, size);
        }, cancellation);
    }

    /// <summary>Stores a manifest or index under the reference's tag, or under its digest when it has no tag.</summary>
    /// <returns>Its digest.</returns>
    /// <exception cref="RegistryException"/>
    public Task<Digest> PushManifestAsync(ImageReference image, string mediaType, ReadOnlyMemory<byte> content, CancellationToken cancellation)
    {
        var purpose = new RegistryPurpose(image, RegistryAccess.Push);
        var digest = Digest.Of(content.Span);
        return _connection.RetryAsync(async c =>
        {
            using var response = await _connection.SendAsync(purpose, () => new(HttpMethod.Put, _connection.Address(image, $"manifests/{image.Tag ?? digest.ToString()}"))
            {
                Content = new ReadOnlyMemoryContent(content) { Headers = { ContentType = new MediaTypeHeaderValue(mediaType) } },
            }, c);
            return response.IsSuccessStatusCode ? digest : throw await RegistryConnection.RefusalAsync(purpose, response, c);
        }, cancellation);
    }

    private async Task<Uri> StartUploadAsync(RegistryPurpose purpose, CancellationToken cancellation)
    {
        var address = _connection.Address(purpose.Image, "blobs/uploads/");
        using var response = await SendUploadAsync(purpose, HttpMethod.Post, address, null, cancellation);
        return NextLocation(purpose, response);
    }

    private async Task CommitUploadAsync(RegistryPurpose purpose, Uri upload, Digest digest, Func<HttpContent>? content, CancellationToken cancellation)
    {
        var query = upload.Query.Length > 1 ? upload.Query[1..] + "&" : "";
        var address = new UriBuilder(upload) { Query = $"{query}digest={Uri.EscapeDataString(digest.ToString())}" }.Uri;
        using var response = await SendUploadAsync(purpose with { Blob = digest }, HttpMethod.Put, address, content, cancellation);
    }

    private async Task<HttpResponseMessage> SendUploadAsync(
        RegistryPurpose purpose, HttpMethod method, Uri address, Func<HttpContent>? content, CancellationToken cancellation)
    {
        var response = await _connection.SendAsync(purpose, () =>
        {
            var request = new HttpRequestMessage(method, address) { Content = content?.Invoke() ?? new ByteArrayContent([]) };
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
            return request;
        }, cancellation);
        if (response.IsSuccessStatusCode)
            return response;
        using (response)
            throw await RegistryConnection.RefusalAsync(purpose, response, cancellation);
    }

    private static Uri NextLocation(RegistryPurpose purpose, HttpResponseMessage response) =>
        response.Headers.Location is { } location
            ? new Uri(response.RequestMessage!.RequestUri!, location)
            : throw purpose.Fail(RegistryFailure.BadAnswer, "the registry began an upload without saying where", response.StatusCode);

    private static async Task CopyAsync(Func<Stream> open, Stream to, IProgress<long>? progress, CancellationToken cancellation)
    {
        await using var from = open();
        await new HashingStream(from, null, progress is null ? null : progress.Report).CopyToAsync(to, 1 << 17, cancellation);
    }
}
