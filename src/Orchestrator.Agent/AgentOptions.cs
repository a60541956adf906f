using System.Net;
using Orchestrator.Transport;

namespace Orchestrator.Agent;

public sealed record AgentOptions
{
    /// <summary>Credentials, records, images, containers, volumes: what outlives a reboot.</summary>
    public required string DataDirectory { get; init; }

    /// <summary>The runtime's state and network namespaces: may go with a reboot.</summary>
    public required string RunDirectory { get; init; }

    public required string RuntimePath { get; init; }

    /// <summary>Where other nodes reach this one: VXLAN's endpoint.</summary>
    public required IPAddress Address { get; init; }

    public required string Hostname { get; init; }

    /// <summary>Servers to join; later starts know them.</summary>
    public IReadOnlyList<string> Servers { get; init; } = [];

    /// <summary>Needed for the first start alone.</summary>
    public JoinToken? Token { get; init; }

    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();
    public IReadOnlySet<string> InsecureRegistries { get; init; } = new HashSet<string>();
    public string CgroupParent { get; init; } = "orchestrator";

    /// <summary>What the scheduler may give away; 0: all that the machine has.</summary>
    public long NanoCpus { get; init; }
    public long MemoryBytes { get; init; }

    /// <summary>Kept back of that for the machine itself. Null: nothing of the cores, which are shared by weight; and of the memory, if all that the machine
    /// has may be given away, a twentieth, at least 128 MiB and at most 1 GiB.</summary>
    public long? ReservedNanoCpus { get; init; }
    public long? ReservedMemoryBytes { get; init; }

    /// <summary>Countable things that replicas may reserve: "gpu", 2.</summary>
    public IReadOnlyDictionary<string, long> Resources { get; init; } = new Dictionary<string, long>();
}
