using CsCheck;
using Orchestrator.Control.Leading;
using Orchestrator.Control.Store;
using Orchestrator.Model;
using Xunit;

namespace Orchestrator.Tests.Control.Leading;

public sealed class ReconcilingLoopTests
{
    [Fact]
    public void A_round_that_is_too_large_for_one_change_is_proposed_from_its_beginning() => Gen.Int[1, 1 << 20].Array[1, 12].Sample(sizes =>
    {
        var operations = sizes.Select(size => new Operation { SetMessage = new() { Message = new string('x', size) } }).ToList();
        var beginning = ReconcilingLoop.Beginning(operations);
        Assert.NotEmpty(beginning);
        Assert.Equal(operations[..beginning.Count], beginning);
        Assert.True(new Change { Operations = { beginning } }.CalculateSize() < ReplicatedStore.ChangeBytesMax);
    }, iter: 50);
}
