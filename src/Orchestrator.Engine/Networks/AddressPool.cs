using System.Net;

namespace Orchestrator.Engine.Networks;

/// <summary>Chooses addresses from a node's block: the next free one after the last given out, so that a released address rests longest.</summary>
public static class AddressPool
{
    private const int First = 2, Last = 254;

    /// <param name="lastHost">The host part of the address given out last; 0: none yet.</param>
    /// <returns>Null when all are taken.</returns>
    public static IPAddress? Choose(IPNetwork subnet, int block, IReadOnlySet<IPAddress> taken, int lastHost)
    {
        const int count = Last - First + 1;
        var start = lastHost is >= First and < Last ? lastHost + 1 : First;
        return Enumerable.Range(0, count)
            .Select(i => Addressing.Address(subnet, block, First + ((start - First + i) % count)))
            .FirstOrDefault(a => !taken.Contains(a));
    }
}
