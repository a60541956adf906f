using Orchestrator.Model;

namespace Orchestrator.Control.Store;

internal sealed class Proposal(Change change)
{
    public Change Change { get; } = change;

    public int Size { get; } = ChangeEntry.SizeOf(change);

    public TaskCompletionSource<ChangeResult> Outcome { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
}

/// <summary>The proposals of one log entry. <see cref="Results"/> is set by the apply loop, in their order, when this very entry is applied.</summary>
internal sealed class ProposalBatch(IReadOnlyList<Proposal> proposals)
{
    private volatile ChangeResult[]? _results;

    public Guid Id { get; } = Guid.NewGuid();

    public IReadOnlyList<Proposal> Proposals => proposals;

    public ChangeResult[]? Results { get => _results; set => _results = value; }
}
