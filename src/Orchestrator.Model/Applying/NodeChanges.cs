namespace Orchestrator.Model.Applying;

internal static class NodeChanges
{
    private const int FirstBlock = 16;
    private const int LastBlock = 255;

    public static Refusal? Put(Draft draft, PutNode put)
    {
        if (put.Id.Length == 0)
            return Refuse.Invalid("node: id is empty");
        var node = draft.Node(put.Id)?.Clone();
        if (node is null)
        {
            if (FreeBlock(draft) is not { } block)
                return Refuse.Exhausted($"node {put.Hostname}: all {LastBlock - FirstBlock + 1} node blocks are taken; remove a node that is gone");
            node = new Node { Id = put.Id, Block = block, JoinedMs = draft.NowMs, StatusSinceMs = draft.NowMs, Labels = { put.InitialLabels } };
        }
        node.Hostname = put.Hostname;
        node.Description = put.Description?.Clone() ?? new NodeDescription();
        draft.Put(node);
        return null;
    }

    public static Refusal? SetStatus(Draft draft, NodeStatusChange change)
    {
        if (draft.Node(change.NodeId) is not { } node)
            return Unknown(change.NodeId);
        if (node.Status == change.Status)
            return null;
        if (!Enum.IsDefined(change.Status))
            return Refuse.Invalid($"node {node.Hostname}: status {(int)change.Status} is unknown; it must be unknown, ready or down");
        var next = node.Clone();
        next.Status = change.Status;
        next.StatusSinceMs = draft.NowMs;
        draft.Put(next);
        return null;
    }

    public static Refusal? Update(Draft draft, UpdateNode update)
    {
        if (draft.Node(update.NodeId) is not { } node)
            return Unknown(update.NodeId);
        if (update.SetLabels.Keys.Any(k => k.Length == 0))
            return Refuse.Invalid($"node {node.Hostname}: a label's name is empty");
        if (!Enum.IsDefined(update.Availability))
            return Refuse.Invalid($"node {node.Hostname}: availability {(int)update.Availability} is unknown; it must be active or drain");
        var next = node.Clone();
        if (update.HasAvailability)
            next.Availability = update.Availability;
        foreach (var (name, value) in update.SetLabels)
            next.Labels[name] = value;
        foreach (var name in update.RemoveLabels)
            next.Labels.Remove(name);
        draft.Put(next);
        return null;
    }

    public static Refusal? Remove(Draft draft, string id)
    {
        if (draft.Node(id) is not { } node)
            return Unknown(id);
        var held = draft.ReplicasOn(id);
        if (node.Status != NodeStatus.NodeDown && held.Live > 0)
            return Refuse.Conflict($"node {node.Hostname}: it still holds {held.Live} replicas; drain it and wait until it is empty");
        foreach (var replica in held.All.Values.Where(r => r.IsLive()))
            ReplicaChanges.Orphan(draft, replica.Id);
        draft.RemoveNode(id);
        return null;
    }

    private static Refusal Unknown(string id) => Refuse.NotFound($"node {id}: there is no such node");

    private static int? FreeBlock(Draft draft)
    {
        var taken = draft.Nodes.Select(n => n.Block).ToHashSet();
        return Enumerable.Range(FirstBlock, LastBlock - FirstBlock + 1).Cast<int?>().FirstOrDefault(b => !taken.Contains(b!.Value));
    }
}
