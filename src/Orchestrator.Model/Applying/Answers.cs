using System.Collections.Immutable;

namespace Orchestrator.Model.Applying;

/// <summary>The last answers, so that a repeated request is answered and not applied again.</summary>
internal sealed class Answers
{
    public static Answers None { get; } =
        new(ImmutableDictionary.Create<string, ChangeResult>(StringComparer.Ordinal), ImmutableQueue<AnsweredRequest>.Empty);

    private readonly ImmutableDictionary<string, ChangeResult> _byId;

    private Answers(ImmutableDictionary<string, ChangeResult> byId, ImmutableQueue<AnsweredRequest> oldestFirst) =>
        (_byId, OldestFirst) = (byId, oldestFirst);

    public ImmutableQueue<AnsweredRequest> OldestFirst { get; }

    public ChangeResult? Find(string requestId) => _byId.GetValueOrDefault(requestId);

    public Answers Add(string requestId, ChangeResult result)
    {
        var byId = _byId.SetItem(requestId, result);
        var queue = OldestFirst.Enqueue(new AnsweredRequest { RequestId = requestId, Result = result });
        if (byId.Count <= ClusterState.AnswersMax)
            return new(byId, queue);
        queue = queue.Dequeue(out var oldest);
        return new(byId.Remove(oldest.RequestId), queue);
    }
}
