using System.IO.Compression;
using ZstdSharp;

namespace Orchestrator.Oci.Archives;

public static class Compression
{
    /// <summary>The plain content of a stream that is gzip, zstd or plain, told by its first bytes. Owns the stream.</summary>
    /// <exception cref="InvalidDataException">From reading, when the compressed data is corrupt.</exception>
    public static Stream Decompress(Stream stream)
    {
        var head = new byte[4];
        var length = stream.ReadAtLeast(head, 4, throwOnEndOfStream: false);
        var whole = stream.CanSeek ? Rewind(stream, length) : new PrefixedStream(head.AsMemory(0, length), stream);
        if (head is [0x1f, 0x8b, ..])
            return new GZipStream(whole, CompressionMode.Decompress);
        if (head is [0x28, 0xb5, 0x2f, 0xfd])
            return new ZstdStream(new DecompressionStream(whole, leaveOpen: false));
        return whole;
    }

    public static Stream Compress(Stream to, LayerCompression compression) => compression switch
    {
        LayerCompression.Gzip => new GZipStream(to, CompressionLevel.Fastest, leaveOpen: true),
        LayerCompression.Zstd => new CompressionStream(to, level: 3, leaveOpen: true),
        _ => new HashingStream(to),
    };

    private static Stream Rewind(Stream stream, int length)
    {
        stream.Seek(-length, SeekOrigin.Current);
        return stream;
    }

    /// <summary>Makes corrupt zstd data the same kind of error as corrupt gzip data.</summary>
    private sealed class ZstdStream(DecompressionStream inner) : ReadOnlyStream
    {
        public override int Read(Span<byte> buffer)
        {
            try
            {
                return inner.Read(buffer);
            }
            catch (Exception e) when (e is ZstdException or EndOfStreamException)
            {
                throw new InvalidDataException($"corrupt zstd data: {e.Message}", e);
            }
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                inner.Dispose();
            base.Dispose(disposing);
        }
    }

    private sealed class PrefixedStream(ReadOnlyMemory<byte> prefix, Stream rest) : ReadOnlyStream
    {
        private ReadOnlyMemory<byte> _prefix = prefix;

        public override int Read(Span<byte> buffer)
        {
            if (_prefix.Length == 0)
                return rest.Read(buffer);
            var count = Math.Min(_prefix.Length, buffer.Length);
            _prefix.Span[..count].CopyTo(buffer);
            _prefix = _prefix[count..];
            return count;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                rest.Dispose();
            base.Dispose(disposing);
        }
    }
}
