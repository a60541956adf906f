using Orchestrator.Model.Validation;

namespace Orchestrator.Model.Applying;

/// <summary>The versions of a service's spec, and which of them its replicas are brought to. A message in the state is never changed: all of
/// this happens to a copy that is not put yet.</summary>
internal static class Rollouts
{
    /// <summary>Other versions that are kept; the last good one beyond that.</summary>
    public const int HistoryMax = 10;

    /// <summary>A new version, for which the replicas must be replaced.</summary>
    public static void Begin(Service service, ServiceSpec spec, ulong revision, long nowMs)
    {
        if (service.Version > 0)
            Retire(service, nowMs, "");
        service.Spec = spec;
        service.SpecRevision = revision;
        service.Version = ++service.LastVersion;
        service.Rollout = new() { StartedMs = nowMs };
    }

    /// <summary>An earlier version as it was: its replicas that still run stay.</summary>
    /// <param name="service">The service.</param>
    /// <param name="to">One of its history.</param>
    /// <param name="message">Why the current version is given up; empty when nothing was wrong with it.</param>
    /// <param name="nowMs">The leader's clock.</param>
    public static void Return(Service service, ServiceVersion to, string message, long nowMs)
    {
        var from = service.Version;
        service.History.Remove(to);
        Retire(service, nowMs, message);
        service.Spec = to.Spec;
        service.SpecRevision = to.SpecRevision;
        service.Version = to.Version;
        service.Rollout = new() { StartedMs = nowMs, RolledBack = from, Message = message, Good = to.Good };
    }

    /// <summary>Why that version cannot be returned to; null when it can.</summary>
    /// <param name="service">The service.</param>
    /// <param name="to">One of its history.</param>
    /// <param name="network">Whether there is a network of this id.</param>
    /// <param name="others">All services.</param>
    public static string? Obstacle(Service service, ServiceVersion to, Func<string, bool> network, IEnumerable<Service> others)
    {
        if (to.Spec.Networks.Select(n => NetworkChanges.Id(service.Stack, n.Network)).FirstOrDefault(id => !network(id)) is { } gone)
            return $"version {to.Version} is on network {gone}, which is gone";
        var ports = to.Spec.Ports.Where(p => !service.Spec.Ports.Contains(p)).ToList();
        var other = ports.Count == 0 ? null : others.FirstOrDefault(o => o.Id != service.Id && !o.Removing && o.Spec.Ports.Any(p => ports.Exists(q => Ports.Clash(q, p, sameService: false))));
        return other is null ? null : $"version {to.Version} publishes a port that {other.Id} has taken since";
    }

    public static ServiceVersion? LastGood(Service service) => service.History.LastOrDefault(v => v.Good);

    public static Refusal? Set(Draft draft, SetRollout set)
    {
        if (draft.Service(set.ServiceId) is not { } service)
            return Refuse.NotFound($"service {set.ServiceId}: there is no such service");
        if (service.SpecRevision != set.SpecRevision || service.Rollout is null)
            return Refuse.Conflict($"service {service.Id}: it has another spec meanwhile");
        var next = service.Clone();
        if (!set.RollsBack)
            Advance(next, set, draft.NowMs);
        else if (LastGood(next) is { } good)
        {
            if (TryReturn(draft, next, good, set.Message) is { } refusal)
                return refusal;
        }
        else
            return Refuse.Conflict($"service {service.Id}: it has no good version to return to");
        draft.Put(next);
        return null;
    }

    private static Refusal? TryReturn(Draft draft, Service service, ServiceVersion to, string message)
    {
        if (Obstacle(service, to, id => draft.Network(id) is not null, draft.Services) is { } obstacle)
            return Refuse.Conflict($"service {service.Id}: {obstacle}");
        Return(service, to, message, draft.NowMs);
        return ServiceChanges.GiveVirtualIps(draft, service);
    }

    public static Refusal? Steer(Draft draft, SteerRollout steer)
    {
        if (draft.Service(steer.ServiceId) is not { Removing: false } service)
            return Refuse.NotFound($"service {steer.ServiceId}: there is no such service");
        var next = service.Clone();
        next.Rollout ??= new() { State = RolloutState.RolloutComplete };
        var refusal = steer.Verb switch
        {
            RolloutVerb.RolloutUndo => Undo(draft, next, steer.ToVersion),
            RolloutVerb.RolloutRestart => Restart(next, draft),
            _ => Turn(next, steer.Verb, draft.NowMs),
        };
        if (refusal is null)
            draft.Put(next);
        return refusal;
    }

    private static void Advance(Service service, SetRollout set, long nowMs)
    {
        service.Rollout.State = set.State;
        if (set.Message.Length > 0 || !service.IsRollback())
            service.Rollout.Message = set.Message;
        if (set.State != RolloutState.RolloutComplete)
            return;
        service.Rollout.FinishedMs = nowMs;
        service.Rollout.Held = false;
    }

    private static Refusal? Undo(Draft draft, Service service, int version)
    {
        if (version == service.Version)
            return Refuse.Conflict($"service {service.Id}: it is at version {version} already");
        var to = version != 0 ? service.History.LastOrDefault(v => v.Version == version) : LastGood(service) ?? service.History.LastOrDefault();
        if (to is null)
            return Refuse.NotFound($"service {service.Id}: {(version == 0 ? "it has no earlier version" : $"version {version} is not kept")}{Kept(service)}");
        return TryReturn(draft, service, to, "");
    }

    private static string Kept(Service service) =>
        service.History.Count == 0 ? "" : $"; there are {string.Join(", ", service.History.Select(v => v.Version).Order())}";

    private static Refusal? Restart(Service service, Draft draft)
    {
        Begin(service, service.Spec.Clone(), draft.Revision, draft.NowMs);
        return null;
    }

    private static Refusal? Turn(Service service, RolloutVerb verb, long nowMs)
    {
        if (!Enum.IsDefined(verb))
            return Refuse.Invalid($"service {service.Id}: {(int)verb} is nothing that can be done to a rollout");
        if (!service.IsUnderWay())
            return Refuse.Conflict($"service {service.Id}: no rollout is under way; version {service.Version} is complete");
        if (verb == RolloutVerb.RolloutPromote && service.Rollout.State != RolloutState.RolloutCanary)
            return Refuse.Conflict($"service {service.Id}: nothing waits to be promoted");
        service.Rollout.Held = verb == RolloutVerb.RolloutPause;
        if (verb == RolloutVerb.RolloutPause)
            return null;
        service.Rollout.Promoted |= verb == RolloutVerb.RolloutPromote;
        service.Rollout.StartedMs = nowMs;
        service.Rollout.State = RolloutState.RolloutRunning;
        if (!service.IsRollback())
            service.Rollout.Message = "";
        return null;
    }

    private static void Retire(Service service, long nowMs, string message)
    {
        service.History.Add(new ServiceVersion
        {
            Version = service.Version,
            SpecRevision = service.SpecRevision,
            Spec = service.Spec,
            ReplacedMs = nowMs,
            Good = message.Length == 0 && (service.Rollout is { State: RolloutState.RolloutComplete } or { Good: true }),
            Message = message,
        });
        var good = LastGood(service);
        while (service.History.Count > HistoryMax && service.History.FirstOrDefault(v => v != good) is { } oldest)
            service.History.Remove(oldest);
    }
}
