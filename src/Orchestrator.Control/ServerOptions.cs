using Orchestrator.Control.Dispatching;

namespace Orchestrator.Control;

/// <summary>What <c>orcd server</c> is told. What is not said keeps the value of the first start, or its default.</summary>
public sealed record ServerOptions
{
    public required string DataDirectory { get; init; }

    /// <summary>Address to bind both ports to.</summary>
    public string? Listen { get; init; }

    /// <summary>Host or address under which servers, agents and clients reach this one. Fixed once the server is a member.</summary>
    public string? Advertise { get; init; }

    public int? ApiPort { get; init; }
    public int? RaftPort { get; init; }
    public string? Hostname { get; init; }

    /// <summary>API addresses of servers to join; empty: begin a cluster.</summary>
    public IReadOnlyList<string> Join { get; init; } = [];
    public string? Token { get; init; }

    public IReadOnlyList<string> InsecureRegistries { get; init; } = [];
    public HeartbeatRule Heartbeat { get; init; } = HeartbeatRule.Default;

    /// <summary>HOST:PORT to serve Prometheus metrics on, without TLS; null: nowhere.</summary>
    public string? Metrics { get; init; }
}

/// <summary>The server cannot start as it was told to. The message is for people.</summary>
public sealed class ServerStartException(string message) : Exception(message);
