namespace Orchestrator.Model.Applying;

/// <summary>The cluster's own record and its servers.</summary>
internal static class ServerChanges
{
    public static Refusal? PutCluster(Draft draft, Cluster cluster)
    {
        if (cluster.Id.Length == 0)
            return Refuse.Invalid("cluster: id is empty");
        if (draft.Cluster is { } known && known.Id != cluster.Id)
            return Refuse.Conflict($"cluster: id is {known.Id} and cannot become {cluster.Id}");
        draft.Put(cluster.Clone());
        return null;
    }

    public static Refusal? PutServer(Draft draft, ServerMember? server)
    {
        if (draft.Cluster is not { } cluster)
            return Refuse.NotFound("server: there is no cluster yet; put the cluster first");
        if (server is null || server.Id.Length == 0)
            return Refuse.Invalid("server: id is empty");
        var next = cluster.Clone();
        var others = next.Servers.Where(s => s.Id != server.Id);
        Replace(next, others.Append(server.Clone()));
        draft.Put(next);
        return null;
    }

    public static Refusal? RemoveServer(Draft draft, string id)
    {
        if (draft.Cluster?.Servers.Any(s => s.Id == id) != true)
            return Refuse.NotFound($"server {id}: not a member");
        var next = draft.Cluster.Clone();
        Replace(next, next.Servers.Where(s => s.Id != id));
        draft.Put(next);
        return null;
    }

    private static void Replace(Cluster cluster, IEnumerable<ServerMember> servers)
    {
        var sorted = servers.OrderBy(s => s.Id, StringComparer.Ordinal).ToList();
        cluster.Servers.Clear();
        cluster.Servers.AddRange(sorted);
    }
}
