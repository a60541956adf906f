namespace Orchestrator.Control.Store;

/// <summary>One period as leader. A paused process still believes in <paramref name="Lost"/>: every change of leader-only work must carry <paramref name="Term"/>.</summary>
public sealed record Leadership(ulong Term, CancellationToken Lost);
