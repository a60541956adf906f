using Prometheus;

namespace Orchestrator.Control.Metrics;

/// <summary>What one server measures. An own registry: several servers may live in one process.</summary>
public sealed class ControlMetrics
{
    private static readonly double[] s_seconds = Histogram.ExponentialBuckets(0.0005, 2, 14);

    private readonly Counter _reconciliations, _operations, _proposals, _refusals;
    private readonly Histogram _reconcileSeconds, _commitSeconds;

    public ControlMetrics()
    {
        Factory = Prometheus.Metrics.WithCustomRegistry(Registry);
        _reconciliations = Factory.CreateCounter("orchestrator_reconciliations_total", "Reconciliations done as leader.");
        _operations = Factory.CreateCounter("orchestrator_reconcile_operations_total", "Operations that reconciliations asked for.");
        _reconcileSeconds = Factory.CreateHistogram("orchestrator_reconcile_seconds", "Time of one reconciliation.", Buckets());
        _proposals = Factory.CreateCounter("orchestrator_proposals_total", "Changes proposed by this server.");
        _refusals = Factory.CreateCounter("orchestrator_refused_proposals_total", "Changes that were committed and refused.");
        _commitSeconds = Factory.CreateHistogram("orchestrator_commit_seconds", "From proposing a change to its being applied.", Buckets());
    }

    public CollectorRegistry Registry { get; } = Prometheus.Metrics.NewCustomRegistry();

    public MetricFactory Factory { get; }

    /// <summary>An endpoint of its own, because scrapers have no client certificate. HOST is an IP address or a name of this machine; "*" is all.</summary>
    /// <exception cref="ServerStartException">The address is none.</exception>
    public KestrelMetricServer ServerOn(string address) =>
        address.LastIndexOf(':') is > 0 and var colon && int.TryParse(address.AsSpan(colon + 1), out var port) && port is > 0 and < 65536
            ? new KestrelMetricServer(address[..colon], port, registry: Registry)
            : throw new ServerStartException($"--metrics {address}: expected HOST:PORT, such as 127.0.0.1:9464");

    public void Reconciled(TimeSpan took, int operations)
    {
        _reconciliations.Inc();
        _operations.Inc(operations);
        _reconcileSeconds.Observe(took.TotalSeconds);
    }

    public void Committed(TimeSpan took, bool refused)
    {
        _proposals.Inc();
        _commitSeconds.Observe(took.TotalSeconds);
        if (refused)
            _refusals.Inc();
    }

    private static HistogramConfiguration Buckets() => new() { Buckets = s_seconds };
}
