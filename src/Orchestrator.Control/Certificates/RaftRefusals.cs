using System.Net;
using System.Security.Authentication;
using Microsoft.Extensions.Logging;

namespace Orchestrator.Control.Certificates;

/// <summary>The store's log, with failed handshakes on the Raft port told through the <see cref="RefusalLog"/>: the Raft layer logs each with its stack.</summary>
internal sealed class RaftRefusals(ILoggerFactory loggers, RefusalLog refusals) : ILoggerFactory
{
    private const string HandshakeFailed = "DotNext.Net.Cluster.TlsHandshakeFailed";

    public ILogger CreateLogger(string categoryName) => new Logger(loggers.CreateLogger(categoryName), refusals);

    public void AddProvider(ILoggerProvider provider) => loggers.AddProvider(provider);

    public void Dispose()
    {
    }

    private sealed class Logger(ILogger inner, RefusalLog refusals) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => inner.BeginScope(state);

        public bool IsEnabled(LogLevel logLevel) => inner.IsEnabled(logLevel);

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (eventId.Name != HandshakeFailed)
                inner.Log(logLevel, eventId, state, exception, formatter);
            else if (exception is not AuthenticationException)
                // A server that gave up early, as candidates do.
                inner.Log(LogLevel.Debug, eventId, state, exception, formatter);
            else
                refusals.Report(PeerIn(state), "Raft: no TLS handshake with a server's certificate");
        }

        private static EndPoint? PeerIn<TState>(TState state) =>
            (state as IEnumerable<KeyValuePair<string, object?>>)?.FirstOrDefault(pair => pair.Key == "RemoteEndPoint").Value as EndPoint;
    }
}
