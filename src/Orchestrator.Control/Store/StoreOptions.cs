using System.Net;
using System.Net.Security;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Orchestrator.Control.Store;

public sealed class StoreOptions
{
    /// <summary>Holds the log, the snapshots and the member list; made when missing.</summary>
    public required string Directory { get; init; }

    /// <summary>Where Raft listens: "ip:port".</summary>
    public required string ListenAddress { get; init; }

    /// <summary>How the other servers reach this one, "host:port". It is the member's identity and must stay the same.</summary>
    public required string PublicAddress { get; init; }

    /// <summary>Begin a cluster of this server alone. Without effect once the directory holds a member list.
    /// A server that starts without it waits to be added by the leader.</summary>
    public bool Bootstrap { get; init; }

    /// <summary>Mutual TLS between the servers; null: plain TCP.</summary>
    public StoreTls? Tls { get; init; }

    public ILoggerFactory Loggers { get; init; } = NullLoggerFactory.Instance;

    public TimeSpan ElectionTimeoutMin { get; init; } = TimeSpan.FromMilliseconds(500);
    public TimeSpan ElectionTimeoutMax { get; init; } = TimeSpan.FromMilliseconds(1000);

    /// <summary>An election that has no majority yet waits so long for a server that does not answer. Entries and snapshots may take any time, as
    /// long as their receiver shows a sign of life every <see cref="ElectionTimeoutMax"/>.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromMilliseconds(350);

    /// <summary>After this long without a commit a proposal's outcome is reported as unknown.</summary>
    public TimeSpan ProposeTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>A snapshot is written, and the log before it dropped, after this many entries or bytes.</summary>
    public int SnapshotEntries { get; init; } = 8192;
    public int SnapshotBytes { get; init; } = 4 << 20;

    /// <summary>The leader publishes a digest of its state this often (when there was a change), or after this many entries.</summary>
    public TimeSpan DigestInterval { get; init; } = TimeSpan.FromSeconds(30);
    public int DigestEntries { get; init; } = 10_000;

    /// <summary>So many of the latest changes can be watched from; who asks for older ones is told to resync.</summary>
    public int WatchedChanges { get; init; } = 1024;

    /// <summary>How a server whose state differs from the leader's leaves and joins again; null: it stays out until an operator adds it.</summary>
    public RejoinSteps? Rejoin { get; init; }
}

/// <summary>Both sides of a connection between servers. Certificates that change are given by the options' selection callbacks.</summary>
/// <param name="Refused">Told who failed the handshake.</param>
public sealed record StoreTls(SslServerAuthenticationOptions Server, SslClientAuthenticationOptions Client, Action<EndPoint?>? Refused = null);

/// <summary>
/// <paramref name="Leave"/> asks the leader to remove this server from the members, <paramref name="Join"/> to add it (its Raft listens by then).
/// Each is repeated until it does not throw.
/// </summary>
public sealed record RejoinSteps(Func<CancellationToken, Task> Leave, Func<CancellationToken, Task> Join);
