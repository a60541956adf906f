using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Orchestrator.Control.Store;
using Orchestrator.Model;
using Orchestrator.Transport;

namespace Orchestrator.Control.Membership;

/// <summary>Keeps this server's certificate and the administrator's context fresh. A server signs for itself: it holds the CA's key.</summary>
internal sealed class Upkeep(ServerDirectory directory, ServerSettings settings, Identity identity, ReplicatedStore store, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan s_look = TimeSpan.FromSeconds(10);
    private readonly Lock _lock = new();
    private readonly double _renewAtShare = 0.5 + 0.3 * Random.Shared.NextDouble();

    public async Task RunAsync(CancellationToken cancellation)
    {
        while (true)
        {
            if (store.State.Cluster is { } cluster)
                Look(cluster);
            await Task.Delay(s_look, time, cancellation);
        }
    }

    public void Look(Cluster cluster)
    {
        lock (_lock)
        {
            RenewOwn(cluster);
            RenewContext(cluster);
        }
    }

    private void RenewOwn(Cluster cluster)
    {
        if (ShareOfLife(identity.Current) >= _renewAtShare)
        {
            identity.Replace(Founding.Authority(cluster).Issue(Role.Server, identity.Current.Id, time.GetUtcNow()));
            logger.LogInformation("this server's certificate is renewed until {Until:u}", identity.Current.Certificate.NotAfter.ToUniversalTime());
        }
    }

    private void RenewContext(Cluster cluster)
    {
        IReadOnlyList<string> servers = [settings.ApiAddress, .. cluster.Servers.Select(s => s.ApiAddress).Where(a => a != settings.ApiAddress)];
        var known = LoadContext();
        var kept = known is { Admin: { } credentials } && IsOfThisCluster(credentials) && ShareOfLife(credentials) < 0.5 ? credentials : null;
        if (kept is not null && known!.Value.Servers.SequenceEqual(servers))
            return;
        var admin = kept ?? Founding.Authority(cluster).Issue(Role.Admin, "admin", time.GetUtcNow());
        AdminContext.Of(admin, servers).Save(directory.AdminContext);
    }

    // Whatever is not a context is written anew.
    private (IReadOnlyList<string> Servers, Credentials Admin)? LoadContext()
    {
        try
        {
            if (!File.Exists(directory.AdminContext))
                return null;
            var context = AdminContext.Load(directory.AdminContext);
            return (context.Servers, context.ToCredentials());
        }
        catch (Exception e) when (e is InvalidDataException or CryptographicException)
        {
            return null;
        }
    }

    // A cluster that was here before may have left its own.
    private bool IsOfThisCluster(Credentials credentials) => identity.Current.Verify(credentials.Certificate)?.Role == Role.Admin;

    private double ShareOfLife(Credentials credentials)
    {
        DateTimeOffset from = credentials.Certificate.NotBefore, until = credentials.Certificate.NotAfter;
        return (time.GetUtcNow() - from) / (until - from);
    }
}
