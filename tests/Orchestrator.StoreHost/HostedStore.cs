using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Orchestrator.Control.Store;

namespace Orchestrator.StoreHost;

internal static class HostedStore
{
    public static StoreOptions Options(string directory, string raft, X509Certificate2 certificate, bool bootstrap, IServiceProvider services) => new()
    {
        Directory = directory,
        ListenAddress = raft,
        PublicAddress = raft,
        Bootstrap = bootstrap,
        Tls = new(
            new SslServerAuthenticationOptions
            {
                ServerCertificate = certificate,
                ClientCertificateRequired = true,
                RemoteCertificateValidationCallback = (_, peer, _, _) => IsOurs(peer, certificate),
            },
            new SslClientAuthenticationOptions
            {
                TargetHost = "store",
                ClientCertificates = [certificate],
                RemoteCertificateValidationCallback = (_, peer, _, _) => IsOurs(peer, certificate),
            }),
        Loggers = services.GetRequiredService<ILoggerFactory>(),
        DigestInterval = Seconds("STORE_HOST_DIGEST_SECONDS", 30),
        SnapshotEntries = Number("STORE_HOST_SNAPSHOT_ENTRIES", 8192),
        RequestTimeout = TimeSpan.FromMilliseconds(Number("STORE_HOST_REQUEST_TIMEOUT_MS", 350)),
    };

    private static bool IsOurs(X509Certificate? peer, X509Certificate2 ours) => peer?.GetCertHashString() == ours.GetCertHashString();

    private static TimeSpan Seconds(string variable, int otherwise) => TimeSpan.FromSeconds(Number(variable, otherwise));

    private static int Number(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), out var number) ? number : otherwise;
}
