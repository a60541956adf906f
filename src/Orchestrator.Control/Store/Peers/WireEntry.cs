using DotNext.IO;
using DotNext.Net.Cluster.Consensus.Raft;

namespace Orchestrator.Control.Store.Peers;

/// <summary>A log entry as it travels between servers.</summary>
internal readonly struct WireEntry : IRaftLogEntry
{
    public required long Term { get; init; }

    public required ReadOnlyMemory<byte> Payload { get; init; }

    public bool IsConfiguration { get; init; }

    public int? CommandId { get; init; }

    bool IDataTransferObject.IsReusable => true;

    long? IDataTransferObject.Length => Payload.Length;

    bool IDataTransferObject.TryGetMemory(out ReadOnlyMemory<byte> memory)
    {
        memory = Payload;
        return true;
    }

    ValueTask IDataTransferObject.WriteToAsync<TWriter>(TWriter writer, CancellationToken token) => writer.WriteAsync(Payload, null, token);
}
