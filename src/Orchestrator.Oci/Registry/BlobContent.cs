using System.Net;
using System.Net.Sockets;

namespace Orchestrator.Oci.Registry;

/// <summary>A request body written by a function, so that nothing is held in memory or on disk.</summary>
internal sealed class BlobContent(Func<Stream, CancellationToken, Task> write, long? length) : HttpContent
{
    public Action OnProgress { get; set; } = () => { };

    /// <summary>Why the content could not be made; null when it was the network that failed.</summary>
    public Exception? Failure { get; private set; }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        try
        {
            await write(new HashingStream(stream, null, _ => OnProgress()), cancellationToken);
        }
        catch (Exception e) when (e is InvalidDataException || (e is IOException and not HttpIOException && e.InnerException is not SocketException))
        {
            Failure = e;
            throw;
        }
    }

    protected override bool TryComputeLength(out long computed)
    {
        computed = length ?? 0;
        return length is not null;
    }
}
