using Orchestrator.Engine.Containers;
using Orchestrator.Model;

namespace Orchestrator.Agent.Replicas;

/// <summary>What the cluster wants of a replica on this node.</summary>
public enum Fate
{
    Run,

    /// <summary>To be stopped; its record and log stay.</summary>
    Shutdown,

    /// <summary>To be stopped and forgotten.</summary>
    Remove,
}

/// <summary>The one thing to do next for a replica.</summary>
public enum ReplicaStep
{
    /// <summary>Nothing until something changes.</summary>
    Wait,

    /// <summary>Image, network and bundle.</summary>
    Prepare,
    Start,

    /// <summary>Its container runs: say so.</summary>
    NoteRunning,
    Stop,

    /// <summary>Nothing of it runs: the state becomes final.</summary>
    Finish,

    /// <summary>Free what an ended replica no longer needs.</summary>
    Release,
    Remove,
}

/// <param name="Container">Null: this machine has no container of the replica.</param>
/// <param name="Released">What it held (network, writable layer) is given back.</param>
public readonly record struct ReplicaFacts(ReplicaState State, Fate Fate, ContainerState? Container, bool Unhealthy, bool Released)
{
    public static Fate FateOf(Assignment assignment) => assignment.Desired == DesiredState.DesiredRunning ? Fate.Run : Fate.Shutdown;

    public static bool IsFinal(ReplicaState state) => state >= ReplicaState.Complete;

    /// <summary>Level-triggered: the same facts always give the same step, however they came about; steps only lead forward.</summary>
    public ReplicaStep Next()
    {
        var alive = Container is ContainerState.Starting or ContainerState.Running;
        if (IsFinal(State))
            return alive ? ReplicaStep.Stop : !Released ? ReplicaStep.Release : Fate == Fate.Remove ? ReplicaStep.Remove : ReplicaStep.Wait;
        if (Fate != Fate.Run || Unhealthy)
            return alive ? ReplicaStep.Stop : ReplicaStep.Finish;
        return Container switch
        {
            null => State < ReplicaState.Ready ? ReplicaStep.Prepare : ReplicaStep.Finish,
            ContainerState.Created => State < ReplicaState.Running ? ReplicaStep.Start : ReplicaStep.Finish,
            ContainerState.Ended => ReplicaStep.Finish,
            // An earlier agent asked for it, and the answer is on its way.
            ContainerState.Starting => ReplicaStep.Wait,
            _ => State < ReplicaState.Running ? ReplicaStep.NoteRunning : ReplicaStep.Wait,
        };
    }
}
