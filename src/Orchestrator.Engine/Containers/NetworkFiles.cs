using System.Text;

namespace Orchestrator.Engine.Containers;

/// <summary>The texts of /etc/hosts and /etc/resolv.conf in a container.</summary>
internal static class NetworkFiles
{
    public static string Hosts(IReadOnlyList<HostEntry> entries, string hostname)
    {
        var text = new StringBuilder("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n");
        if (!entries.Any(e => e.Name == hostname))
            text.Append("127.0.1.1\t").Append(hostname).Append('\n');
        foreach (var entry in entries)
            text.Append(entry.Address).Append('\t').Append(entry.Name).Append('\n');
        return text.ToString();
    }

    /// <param name="machine">The machine's own file, for a container without servers of its own.</param>
    public static string ResolvConf(DnsOptions dns, string machine)
    {
        if (dns.Servers.Count == 0)
            return machine;
        var text = new StringBuilder();
        if (dns.Search.Count > 0)
            text.Append("search ").AppendJoin(' ', dns.Search).Append('\n');
        foreach (var server in dns.Servers)
            text.Append("nameserver ").Append(server).Append('\n');
        return text.Append("options ndots:0\n").ToString();
    }
}
