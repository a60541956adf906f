using Orchestrator.Model;

namespace Orchestrator.Simulation.Users;

/// <summary>Something that a person asks of the API. One file a kind; <see cref="UserActions"/> lists them.</summary>
internal abstract class UserAction
{
    /// <summary>For the trace.</summary>
    public abstract string Text { get; }

    /// <summary>What it is about: of the acknowledged actions on one subject the last one must be seen in the end.</summary>
    public abstract string Subject { get; }

    /// <summary>As the API makes it from the leader's state; null: the API refuses.</summary>
    public abstract Operation? ToOperation(ClusterState state);

    /// <summary>After this one the other need not be seen any more.</summary>
    public virtual bool Replaces(UserAction other) => other.Subject == Subject;

    /// <summary>The state is as was asked for.</summary>
    public abstract bool IsDone(ClusterState state);
}
