using CsCheck;
using Orchestrator.Agent.Replicas;
using Orchestrator.Engine.Containers;
using Orchestrator.Model;
using Xunit;

namespace Orchestrator.Tests.Agent.Replicas;

public sealed class ReplicaStepTests
{
    private static readonly ReplicaState[] s_states = [.. Enum.GetValues<ReplicaState>().Where(s => s >= ReplicaState.Assigned)];
    private static readonly ContainerState?[] s_containers = [null, .. Enum.GetValues<ContainerState>().Cast<ContainerState?>()];

    private static readonly Gen<ReplicaFacts> s_facts = Gen.Select(
        Gen.Int[0, s_states.Length - 1].Select(i => s_states[i]), Gen.Enum<Fate>(),
        Gen.Int[0, s_containers.Length - 1].Select(i => s_containers[i]), Gen.Bool, Gen.Bool).Select((state, fate, container, unhealthy, released) => new ReplicaFacts(state, fate, container, unhealthy, released));

    [Theory]
    [InlineData(ReplicaState.Assigned, null, ReplicaStep.Prepare)]
    [InlineData(ReplicaState.Ready, ContainerState.Created, ReplicaStep.Start)]
    [InlineData(ReplicaState.Starting, ContainerState.Running, ReplicaStep.NoteRunning)]
    [InlineData(ReplicaState.Starting, ContainerState.Starting, ReplicaStep.Wait)]
    [InlineData(ReplicaState.Preparing, ContainerState.Starting, ReplicaStep.Wait)]
    [InlineData(ReplicaState.Running, ContainerState.Running, ReplicaStep.Wait)]
    [InlineData(ReplicaState.Running, ContainerState.Ended, ReplicaStep.Finish)]
    [InlineData(ReplicaState.Running, null, ReplicaStep.Finish)]
    public void A_wanted_replica_goes_forward(ReplicaState state, ContainerState? container, ReplicaStep step) =>
        Assert.Equal(step, new ReplicaFacts(state, Fate.Run, container, Unhealthy: false, Released: false).Next());

    [Fact]
    public void A_restarted_agent_that_only_knows_the_assignment_finds_the_running_container() =>
        Assert.Equal(ReplicaStep.NoteRunning, new ReplicaFacts(ReplicaState.Assigned, Fate.Run, ContainerState.Running, false, false).Next());

    [Fact]
    public void Nothing_is_started_that_is_not_wanted() => s_facts.Sample(facts =>
    {
        if (facts.Fate != Fate.Run || ReplicaFacts.IsFinal(facts.State) || facts.Unhealthy)
            Assert.DoesNotContain(facts.Next(), new[] { ReplicaStep.Prepare, ReplicaStep.Start, ReplicaStep.NoteRunning });
    });

    [Fact]
    public void Nothing_is_final_or_given_back_while_its_container_lives() => s_facts.Sample(facts =>
    {
        if (facts.Container is ContainerState.Running or ContainerState.Starting)
            Assert.DoesNotContain(facts.Next(), new[] { ReplicaStep.Finish, ReplicaStep.Release, ReplicaStep.Remove, ReplicaStep.Prepare, ReplicaStep.Start });
    });

    [Fact]
    public void Every_replica_comes_to_rest() => s_facts.Sample(facts =>
    {
        for (var steps = 0; steps < 10; steps++)
        {
            var step = facts.Next();
            if (step is ReplicaStep.Wait or ReplicaStep.Remove)
                return;
            facts = After(facts, step);
        }
        Assert.Fail($"still busy: {facts}");
    });

    [Fact]
    public void What_is_not_wanted_ends_stopped_and_given_back() => s_facts.Sample(facts =>
    {
        if (facts.Fate == Fate.Run)
            return;
        while (facts.Next() is var step && step is not (ReplicaStep.Wait or ReplicaStep.Remove))
            facts = After(facts, step);
        Assert.True(ReplicaFacts.IsFinal(facts.State) && facts.Released && facts.Container is not (ContainerState.Running or ContainerState.Starting));
        Assert.Equal(facts.Fate == Fate.Remove ? ReplicaStep.Remove : ReplicaStep.Wait, facts.Next());
    });

    private static ReplicaFacts After(ReplicaFacts facts, ReplicaStep step) => step switch
    {
        ReplicaStep.Prepare => facts with { State = ReplicaState.Ready, Container = ContainerState.Created },
        ReplicaStep.Start or ReplicaStep.NoteRunning => facts with { State = ReplicaState.Running, Container = ContainerState.Running },
        ReplicaStep.Stop => facts with { Container = ContainerState.Ended },
        ReplicaStep.Finish => facts with { State = ReplicaState.Shutdown },
        ReplicaStep.Release => facts with { Released = true, Container = facts.Container is null ? null : ContainerState.Ended },
        _ => facts,
    };
}
