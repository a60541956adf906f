namespace Orchestrator.Simulation.Bugs;

/// <summary>Bugs that the simulator must find. One more is a class that changes one of the <see cref="Rules"/> and a line here.</summary>
internal static class PlantedBugs
{
    public static IReadOnlyDictionary<string, Func<Rules>> All { get; } = new Dictionary<string, Func<Rules>>(StringComparer.Ordinal)
    {
        ["the scheduler ignores memory"] = () => new SchedulerIgnoresMemory(),
        ["the scheduler ignores drain"] = () => new SchedulerIgnoresDrain(),
        ["replicas of lost nodes are not replaced"] = () => new LostReplicasStay(),
        ["a slot is filled twice"] = () => new SlotFilledTwice(),
        ["back-off is never reset"] = () => new BackOffNeverReset(),
        ["a placed replica is placed again"] = () => new ReplicaPlacedAgain(),
        ["late reports are accepted"] = () => new LateReportsAccepted(),
        ["an acknowledged change is dropped"] = () => new AcknowledgedChangeDropped(),
        ["a repeated request is applied twice"] = () => new RequestAppliedTwice(),
        ["changes of an old term are accepted"] = () => new OldTermAccepted(),
        ["servers apply differently"] = () => new ServersDiffer(),
        ["an assignment difference forgets removals"] = () => new RemovalForgotten(),
        ["an assignment difference forgets shutdowns"] = () => new ShutdownForgotten(),
        ["endpoints include the unhealthy"] = () => new EndpointsIncludeUnhealthy(),
        ["a new leader expects nobody"] = () => new NewLeaderExpectsNobody(),
        ["what a wiped machine lost is not noticed"] = () => new LostByMachineUnnoticed(),
        ["a registering agent tells nothing"] = () => new RegistrationTellsNothing(),
        ["what has ended is started again"] = () => new EndedStartedAgain(),
        ["a late report takes the health back"] = () => new HealthTakenBack(),
        ["what is to be shut is wanted again"] = () => new ShutdownTakenBack(),
    };
}
