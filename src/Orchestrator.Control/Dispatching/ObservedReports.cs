using System.Threading.Channels;
using Orchestrator.Model;

namespace Orchestrator.Control.Dispatching;

/// <summary>Gathers what agents report into few changes: while one is being committed, the next fills up.</summary>
internal sealed class ObservedReports(LeaderProposals proposals)
{
    private const int OperationsMax = 1024, BytesMax = 1 << 20;

    // Bounded, so that a slow disk slows the agents' streams down instead of filling the memory.
    private readonly Channel<Operation> _reports = Channel.CreateBounded<Operation>(16 * OperationsMax);

    public ValueTask AddAsync(string nodeId, SetObservedReport report, CancellationToken cancellation) =>
        _reports.Writer.WriteAsync(OperationOf(nodeId, report), cancellation);

    public static Operation OperationOf(string nodeId, SetObservedReport report) => new()
    {
        SetObserved = new SetObserved { ReplicaId = report.ReplicaId, NodeId = nodeId, Observed = report.Observed },
    };

    public async Task RunAsync(CancellationToken cancellation)
    {
        while (await _reports.Reader.WaitToReadAsync(cancellation))
        {
            var (batch, bytes) = (new List<Operation>(), 0);
            while (batch.Count < OperationsMax && bytes < BytesMax && _reports.Reader.TryRead(out var report))
            {
                batch.Add(report);
                bytes += report.CalculateSize();
            }
            await proposals.ProposeAsync(batch, cancellation);
        }
    }
}
