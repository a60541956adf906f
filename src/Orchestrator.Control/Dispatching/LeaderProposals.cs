using Microsoft.Extensions.Logging;
using Orchestrator.Control.Store;
using Orchestrator.Model;

namespace Orchestrator.Control.Dispatching;

/// <summary>Proposes leader-only work: bound to the term of one leadership, so that nothing of it is applied under the next one.</summary>
internal sealed class LeaderProposals(Proposals proposals, ulong term, ILogger logger)
{
    /// <summary>Repeats until the outcome is known: all that leader-only work proposes may be applied twice. A refusal is logged and returned.</summary>
    /// <exception cref="NotLeaderException">The leadership ended.</exception>
    public async Task<ChangeResult> ProposeAsync(IReadOnlyList<Operation> operations, CancellationToken cancellation)
    {
        while (true)
        {
            try
            {
                var result = await proposals.ProposeAsync(new Change { Term = term, Operations = { operations } }, cancellation);
                if (result.Refusal is { } refusal)
                    logger.LogWarning("a change of {Count} operations was refused: {Reason}", operations.Count, refusal.Message);
                return result;
            }
            catch (OutcomeUnknownException)
            {
                cancellation.ThrowIfCancellationRequested();
                logger.LogInformation("a change of {Count} operations was not committed in time; proposed again", operations.Count);
            }
        }
    }
}
