using System.Text;

namespace Orchestrator.Engine.Containers;

/// <summary>The texts of /etc/hosts and /etc/resolv.conf in a container.</summary>
internal static class NetworkFiles
{
    /// <param name="machine">The machine's own file, for a container on its network; null: another.</param>
    public static string Hosts(IReadOnlyList<HostEntry> entries, string hostname, string? machine = null)
    {
        var text = new StringBuilder(machine is not null ? machine.TrimEnd('\n') + "\n" : "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n");
        if (machine is null && !entries.Any(e => e.Name == hostname))
            text.Append("127.0.1.1\t").Append(hostname).Append('\n');
        foreach (var entry in entries)
            text.Append(entry.Address).Append('\t').Append(entry.Name).Append('\n');
        return text.ToString();
    }

    /// <param name="machine">The machine's own file, for a container without servers of its own.</param>
    public static string ResolvConf(DnsOptions dns, string machine)
    {
        if (dns.Servers.Count == 0 && dns.Search.Count == 0 && dns.Options.Count == 0)
            return machine;
        var text = new StringBuilder();
        if (dns.Search.Count > 0)
            text.Append("search ").AppendJoin(' ', dns.Search).Append('\n');
        foreach (var server in dns.Servers.Count > 0 ? dns.Servers.Select(s => s.ToString()) : Nameservers(machine))
            text.Append("nameserver ").Append(server).Append('\n');
        return text.Append("options ").AppendJoin(' ', dns.Options.Count > 0 ? dns.Options : ["ndots:0"]).Append('\n').ToString();
    }

    private static IEnumerable<string> Nameservers(string resolvConf) => resolvConf.Split('\n').Select(l => l.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries))
        .Where(f => f is ["nameserver", _, ..]).Select(f => f[1]);
}
