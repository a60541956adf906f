using Google.Protobuf;
using Orchestrator.Model;

namespace Orchestrator.Agent.Replicas;

/// <summary>A replica as the agent last knew it, kept in a file so that a restarted agent reports truly.</summary>
internal sealed record ReplicaRecord(Assignment Assignment, Observed Observed)
{
    /// <summary>Null for a file that a power loss cut short.</summary>
    public static ReplicaRecord? Load(string path)
    {
        try
        {
            using var file = File.OpenRead(path);
            return new ReplicaRecord(Assignment.Parser.ParseDelimitedFrom(file), Observed.Parser.ParseDelimitedFrom(file));
        }
        catch (InvalidProtocolBufferException)
        {
            return null;
        }
    }

    // No fsync: after a power loss nothing runs that the record would have to be true about.
    public void Save(string path)
    {
        using (var file = File.Create(path + ".new"))
        {
            Assignment.WriteDelimitedTo(file);
            Observed.WriteDelimitedTo(file);
        }
        File.Move(path + ".new", path, overwrite: true);
    }
}
