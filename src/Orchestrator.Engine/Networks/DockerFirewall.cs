using System.Globalization;
using Orchestrator.Linux;

namespace Orchestrator.Engine.Networks;

/// <summary>
/// Docker on the same machine drops all that is forwarded and is not its own, and a drop in one table cannot be undone in another. The
/// chain DOCKER-USER is there for rules of others: ours go into it.
/// </summary>
internal static class DockerFirewall
{
    private const string Chain = "ip filter DOCKER-USER";

    public static void Ensure(Nftables nftables)
    {
        if (!IsThere(nftables))
            return;
        var rules = nftables.Run($"list chain {Chain}");
        foreach (var side in new[] { "iifname", "oifname" })
            if (!rules.Contains(Rule(side), StringComparison.Ordinal))
                nftables.Run($"insert rule {Chain} {Rule(side)}");
    }

    public static void RemoveAll(Nftables nftables)
    {
        if (!IsThere(nftables))
            return;
        foreach (var line in nftables.Run($"list chain {Chain}", withHandles: true).Split('\n').Select(l => l.Trim()))
            if (line.StartsWith(Rule("iifname"), StringComparison.Ordinal) || line.StartsWith(Rule("oifname"), StringComparison.Ordinal))
                nftables.Run(string.Create(CultureInfo.InvariantCulture, $"delete rule {Chain} {line[line.IndexOf("handle", StringComparison.Ordinal)..]}"));
    }

    private static string Rule(string side) => $"{side} \"orc*\" accept";

    private static bool IsThere(Nftables nftables)
    {
        var chains = nftables.Run("list chains ip");
        var table = chains.IndexOf("table ip filter {", StringComparison.Ordinal);
        return table >= 0 && chains[table..].Split("\n}")[0].Contains("chain DOCKER-USER {", StringComparison.Ordinal);
    }
}
