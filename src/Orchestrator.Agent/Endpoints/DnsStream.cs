using System.Buffers.Binary;

namespace Orchestrator.Agent.Endpoints;

/// <summary>DNS over TCP: each message after its length in two bytes.</summary>
internal static class DnsStream
{
    /// <returns>Null at the end of the stream.</returns>
    public static async Task<byte[]?> ReadAsync(Stream stream, CancellationToken cancellationToken)
    {
        var length = new byte[2];
        if (await stream.ReadAtLeastAsync(length, 2, throwOnEndOfStream: false, cancellationToken) < 2)
            return null;
        var message = new byte[BinaryPrimitives.ReadUInt16BigEndian(length)];
        return await stream.ReadAtLeastAsync(message, message.Length, throwOnEndOfStream: false, cancellationToken) < message.Length ? null : message;
    }

    public static async Task WriteAsync(Stream stream, byte[] message, CancellationToken cancellationToken)
    {
        var framed = new byte[message.Length + 2];
        BinaryPrimitives.WriteUInt16BigEndian(framed, (ushort)message.Length);
        message.CopyTo(framed, 2);
        await stream.WriteAsync(framed, cancellationToken);
    }
}
