using System.Buffers;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;

namespace Orchestrator.Oci.Registry;

/// <summary>One blob on its way into a stream; each attempt goes on where the last one broke off.</summary>
internal sealed class BlobDownload(RegistryConnection connection, RegistryPurpose purpose, Descriptor blob, Stream destination, IProgress<long>? progress)
    : IDisposable
{
    private readonly IncrementalHash _hash = blob.Digest.NewHash();
    private long _received;

    public async Task<bool> ContinueAsync(CancellationToken cancellation)
    {
        if (_received > 0 && _received == blob.Size)
            return true;
        using var response = await connection.SendAsync(purpose, Request, cancellation);
        if (!response.IsSuccessStatusCode)
            throw await RegistryConnection.RefusalAsync(purpose, response, cancellation);
        if (_received > 0 && (response.StatusCode != HttpStatusCode.PartialContent || response.Content.Headers.ContentRange?.From != _received))
            StartOver();
        using var silence = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        silence.CancelAfter(connection.IdleTimeout);
        return await connection.GuardAsync(purpose, c => ReceiveAsync(response, silence, c), silence, cancellation);
    }

    public void Verify()
    {
        var actual = Digest.FromHash(_hash.GetHashAndReset());
        if (actual != blob.Digest)
            throw purpose.Fail(RegistryFailure.DigestMismatch, $"corrupt: the content received has digest {actual}");
    }

    public void Dispose() => _hash.Dispose();

    private HttpRequestMessage Request()
    {
        var request = new HttpRequestMessage(HttpMethod.Get, connection.Address(purpose.Image, $"blobs/{blob.Digest}"));
        if (_received > 0)
            request.Headers.Range = new RangeHeaderValue(_received, null);
        return request;
    }

    private void StartOver()
    {
        _hash.GetHashAndReset();
        destination.Seek(-_received, SeekOrigin.Current);
        destination.SetLength(destination.Position);
        _received = 0;
    }

    private async Task<bool> ReceiveAsync(HttpResponseMessage response, CancellationTokenSource silence, CancellationToken cancellation)
    {
        await using var body = await response.Content.ReadAsStreamAsync(cancellation);
        var buffer = ArrayPool<byte>.Shared.Rent(1 << 17);
        try
        {
            for (int read; (read = await body.ReadAsync(buffer, cancellation)) > 0;)
            {
                if (_received + read > blob.Size)
                    throw purpose.Fail(RegistryFailure.DigestMismatch, $"corrupt: more than the {blob.Size} bytes that its manifest names");
                _hash.AppendData(buffer, 0, read);
                await destination.WriteAsync(buffer.AsMemory(0, read), cancellation);
                _received += read;
                progress?.Report(_received);
                silence.CancelAfter(connection.IdleTimeout);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
        return _received == blob.Size
            ? true
            : throw purpose.Fail(RegistryFailure.Unreachable, $"truncated: {_received} of {blob.Size} bytes came");
    }
}
