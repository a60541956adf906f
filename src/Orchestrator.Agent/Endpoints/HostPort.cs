using System.Net;
using Orchestrator.Model;

namespace Orchestrator.Agent.Endpoints;

/// <summary>A port of one local container, published on this machine only (`mode: host`). Clients' addresses are kept.</summary>
/// <param name="HostAddress">The machine's address to publish on; null: all.</param>
/// <param name="ContainerAddress">In the container's first network that is not internal: answers leave through its gateway.</param>
public sealed record HostPort(Protocol Protocol, int Published, IPAddress? HostAddress, IPAddress ContainerAddress, int Target);
