using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Logging.Console;
using Orchestrator.Control.Store;
using Orchestrator.StoreHost;

if (args is not [var directory, var raft, var api, var certificateFile, ..])
{
    Console.Error.WriteLine("usage: Orchestrator.StoreHost DIRECTORY RAFT_ADDRESS API_ADDRESS CERTIFICATE_PFX [bootstrap]");
    return 2;
}

var certificate = X509CertificateLoader.LoadPkcs12FromFile(certificateFile, null);
var builder = WebApplication.CreateSlimBuilder();
builder.Logging.ClearProviders();
if (Environment.GetEnvironmentVariable("STORE_HOST_LOG") is { } level)
{
    // Standard output says only that the server is ready.
    builder.Services.Configure<ConsoleLoggerOptions>(o => o.LogToStandardErrorThreshold = LogLevel.Trace);
    builder.Logging.AddSimpleConsole(o => { o.SingleLine = true; o.TimestampFormat = $"'{raft}' HH:mm:ss.fff "; }).SetMinimumLevel(Enum.Parse<LogLevel>(level));
}
builder.WebHost.UseKestrelHttpsConfiguration();
builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPEndPoint.Parse(api), listen =>
{
    listen.Protocols = HttpProtocols.Http2;
    listen.UseHttps(certificate, https =>
    {
        https.ClientCertificateMode = ClientCertificateMode.RequireCertificate;
        https.ClientCertificateValidation = (peer, _, _) => peer.Thumbprint == certificate.Thumbprint;
    });
}));
builder.Services.AddGrpc();
builder.Services.AddSingleton<StoreHolder>();
await using var app = builder.Build();
app.MapGrpcService<StoreService>();
await app.StartAsync();

var holder = app.Services.GetRequiredService<StoreHolder>();
holder.Store = await ReplicatedStore.OpenAsync(HostedStore.Options(directory, raft, certificate, args.Contains("bootstrap"), app.Services), default);
Console.WriteLine("ready");
await Task.WhenAny(app.WaitForShutdownAsync(), holder.Store.Completion);
await holder.Store.DisposeAsync();
return holder.Store.Completion.IsFaulted ? 1 : 0;
