using System.Globalization;
using Orchestrator.Model;

namespace Orchestrator.Cli.Output;

/// <summary>Values in words for people.</summary>
internal static class Text
{
    /// <summary>Without line breaks and control characters, which could forge rows or move the cursor.</summary>
    public static string OneLine(string text) => text.AsSpan().IndexOfAnyInRange('\0', '\u001f') < 0 && !text.Contains('\u007f', StringComparison.Ordinal)
        ? text
        : string.Concat(text.Trim().Select(c => char.IsControl(c) ? ' ' : c));

    /// <summary>"12 s", "3 m", "5 h", "2 d".</summary>
    public static string Age(long sinceMs) => sinceMs == 0 ? "" : Age(TimeSpan.FromMilliseconds(Math.Max(0, DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() - sinceMs)));

    public static string ShortId(string id) => id.Length > 12 ? id[..12] : id;

    public static string Name(Replica replica) => $"{replica.Service}.{replica.Slot.ToString(CultureInfo.InvariantCulture)}";

    public static string State(Replica replica)
    {
        var state = replica.State().ToString().ToLowerInvariant();
        return (replica.State(), replica.Observed?.Health ?? Health.None) switch
        {
            (ReplicaState.Running, Health.None) => state,
            (ReplicaState.Running or ReplicaState.Starting, var health and not Health.None) => $"{state} ({health.ToString().ToLowerInvariant()})",
            _ => state,
        };
    }

    /// <summary>Why a replica is where it is: the agent's words, else the scheduler's; with the exit code when it ended badly.</summary>
    public static string Reason(Replica replica)
    {
        var words = replica.Observed?.Message is { Length: > 0 } observed ? observed : replica.Message;
        var ended = replica.State() == ReplicaState.Failed && !words.Contains("exit", StringComparison.OrdinalIgnoreCase)
            ? replica.Observed!.OomKilled ? "out of memory" : $"exit code {replica.Observed.ExitCode}"
            : "";
        return string.Join(": ", new[] { ended, words }.Where(t => t.Length > 0));
    }

    public static string Image(ContainerSpec? container) => container?.Image.Split('@')[0] ?? "";

    public static string Ports(ServiceSpec spec) => string.Join(", ", spec.Ports.Where(p => p.Published > 0).Select(Port));

    private static string Port(PortSpec port) =>
        $"{(port.HostIp.Length > 0 ? port.HostIp + ":" : "")}{port.Published}->{port.Target}/{port.Protocol.ToString().ToLowerInvariant()}{(port.Mode == PortMode.Host ? " (host)" : "")}";

    private static string Age(TimeSpan age) => age switch
    {
        { TotalSeconds: < 120 } => $"{(int)age.TotalSeconds} s",
        { TotalMinutes: < 120 } => $"{(int)age.TotalMinutes} m",
        { TotalHours: < 48 } => $"{(int)age.TotalHours} h",
        _ => $"{(int)age.TotalDays} d",
    };
}
