namespace Orchestrator.Oci.Runtime;

/// <summary>A field of config.json that cannot be honoured: which, and what would be accepted.</summary>
public sealed class RuntimeConfigException(string field, string problem) : Exception($"{field}: {problem}")
{
    public string Field { get; } = field;
}
