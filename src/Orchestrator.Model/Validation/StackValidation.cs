namespace Orchestrator.Model.Validation;

/// <summary>Everything that is wrong with a spec, each as one sentence: object, field, what would be accepted.</summary>
public static class StackValidation
{
    public static IReadOnlyList<string> Validate(StackSpec spec, ClusterState state) => SpecRules.Check(spec);
}
