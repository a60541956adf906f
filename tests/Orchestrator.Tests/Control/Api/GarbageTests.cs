using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Orchestrator.Model;
using Orchestrator.Transport;
using Xunit;

namespace Orchestrator.Tests.Control.Api;

public sealed class GarbageTests
{
    [Fact]
    public async Task Garbage_on_any_port_is_refused_logged_once_and_harms_nobody()
    {
        using var log = new RecordingLog();
        await using var group = await ServerGroup.StartAsync(1, loggers: log);
        var server = group.Servers[0];
        for (var i = 0; i < 5; i++)
            foreach (var address in new[] { server.ApiAddress, server.Store.Members[0] })
                await SendAsync(address, RandomNumberGenerator.GetBytes(2000));

        var api = new Orchestrator.Model.Api.ApiClient(group.Channel(Role.Admin));
        Assert.Empty((await api.ListStacksAsync(new(), cancellationToken: ServerGroup.Deadline)).Stacks);
        Assert.Single(log.Lines, line => line.Contains("127.0.0.1: no TLS handshake", StringComparison.Ordinal));
        Assert.Single(log.Lines, line => line.Contains("127.0.0.1: Raft: no TLS handshake", StringComparison.Ordinal));
        Assert.DoesNotContain(log.Lines, line => line.StartsWith("Error", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Garbage_inside_TLS_harms_nobody_either()
    {
        await using var group = await ServerGroup.StartAsync(1);
        await using (var stream = await Tls.ConnectAsync(group.Servers[0].ApiAddress, Tls.ClientOptions(null, _ => true), TimeSpan.FromSeconds(5), ServerGroup.Deadline))
        {
            await stream.WriteAsync(RandomNumberGenerator.GetBytes(5000), ServerGroup.Deadline);
            await DrainAsync(stream);
        }
        var api = new Orchestrator.Model.Api.ApiClient(group.Channel(Role.Admin));
        Assert.Empty((await api.ListStacksAsync(new(), cancellationToken: ServerGroup.Deadline)).Stacks);
    }

    private static async Task SendAsync(string address, byte[] garbage)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(System.Net.IPEndPoint.Parse(address), ServerGroup.Deadline);
        var stream = client.GetStream();
        await stream.WriteAsync(garbage, ServerGroup.Deadline);
        await DrainAsync(stream);
    }

    private static async Task DrainAsync(Stream stream)
    {
        try
        {
            while (await stream.ReadAsync(new byte[1000], ServerGroup.Deadline) > 0)
            {
            }
        }
        catch (IOException)
        {
            // Reset instead of closed: refused all the same.
        }
    }

    private sealed class RecordingLog : ILoggerFactory, ILogger
    {
        public ConcurrentQueue<string> Lines { get; } = new();

        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider)
        {
        }

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
                Lines.Enqueue($"{logLevel} {formatter(state, exception)} {exception?.Message}");
        }

        public void Dispose()
        {
        }
    }
}
