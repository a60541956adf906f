using Microsoft.Extensions.Logging;
using Orchestrator.Transport;

namespace Orchestrator.Agent.Session;

/// <summary>What a node keeps of its membership: credentials, and the servers that it knew last.</summary>
public sealed class NodeMembership
{
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(5);

    private readonly string _serversPath;

    private NodeMembership(string directory)
    {
        _serversPath = Path.Combine(directory, "servers");
        Identity = Identity.Load(directory);
        Servers = File.Exists(_serversPath) ? File.ReadAllLines(_serversPath) : [];
    }

    public Identity Identity { get; }
    public IReadOnlyList<string> Servers { get; private set; }

    /// <summary>The membership of an earlier start, or a new one by the token, for which servers are asked until one answers.</summary>
    /// <exception cref="JoinException">Refused, or there is neither a membership nor a token.</exception>
    public static async Task<NodeMembership> OpenAsync(AgentOptions options, ILogger logger, CancellationToken cancellationToken)
    {
        var directory = Path.Combine(options.DataDirectory, "agent");
        if (!Credentials.Exist(directory))
            await JoinAsync(directory, options, logger, cancellationToken);
        var membership = new NodeMembership(directory);
        if (options.Servers.Count > 0)
            membership.Remember([.. options.Servers.Concat(membership.Servers).Distinct()]);
        return membership.Servers.Count > 0 ? membership
            : throw new JoinException("no server is known; expected --join HOST:PORT", isFinal: true);
    }

    public void Remember(IReadOnlyList<string> servers)
    {
        if (servers.Count == 0 || servers.SequenceEqual(Servers))
            return;
        File.WriteAllLines(_serversPath + ".new", servers);
        File.Move(_serversPath + ".new", _serversPath, overwrite: true);
        Servers = servers;
    }

    private static async Task JoinAsync(string directory, AgentOptions options, ILogger logger, CancellationToken cancellationToken)
    {
        if (options.Token is not { } token || options.Servers.Count == 0)
            throw new JoinException("this node is in no cluster yet; expected --join HOST:PORT and --token (a server prints both)", isFinal: true);
        for (var pause = TimeSpan.FromMilliseconds(100); ; pause = pause * 2 < s_longestPause ? pause * 2 : s_longestPause)
        {
            try
            {
                var joined = await Joiner.JoinAsync(options.Servers, token, options.Hostname, cancellationToken);
                joined.Credentials.Save(directory);
                logger.LogInformation("joined cluster {Cluster} as {Node}", joined.ClusterId, joined.Credentials.Id);
                return;
            }
            catch (JoinException e) when (!e.IsFinal)
            {
                logger.LogWarning("join: {Message}; trying again", e.Message);
                await Task.Delay(pause, cancellationToken);
            }
        }
    }
}
