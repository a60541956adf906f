using System.Net;
using Microsoft.Extensions.Logging;

namespace Orchestrator.Control.Certificates;

/// <summary>Says once a minute per peer and reason that a connection or call was refused, so that a scanner cannot fill the log.</summary>
public sealed class RefusalLog(ILogger logger, TimeProvider time)
{
    private const int RememberedMax = 1024;
    private static readonly TimeSpan s_quiet = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<(string Peer, string Reason), (long Since, int Silenced)> _said = [];

    public void Report(EndPoint? peer, string reason)
    {
        var key = (peer is IPEndPoint ip ? ip.Address.ToString() : peer?.ToString() ?? "unknown", reason);
        if (Silenced(key) is { } silenced)
            logger.LogWarning("refused {Peer}: {Reason}{More}", key.Item1, reason, silenced == 0 ? "" : $" (and {silenced} times before)");
    }

    /// <summary>How often it was not said since the last time; null: not to be said now.</summary>
    private int? Silenced((string, string) key)
    {
        lock (_lock)
        {
            var now = time.GetTimestamp();
            if (_said.TryGetValue(key, out var last) && time.GetElapsedTime(last.Since, now) < s_quiet)
            {
                _said[key] = last with { Silenced = last.Silenced + 1 };
                return null;
            }
            if (_said.Count >= RememberedMax)
                _said.Clear();
            _said[key] = (now, 0);
            return last.Silenced;
        }
    }
}
