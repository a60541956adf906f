namespace Orchestrator.Oci.Runtime;

/// <summary>Programs to run at points of a container's life. Each gets the container's state on its standard input.</summary>
public sealed record HooksConfig
{
    public IReadOnlyList<HookConfig> Prestart { get; set; } = [];
    public IReadOnlyList<HookConfig> CreateRuntime { get; set; } = [];
    public IReadOnlyList<HookConfig> CreateContainer { get; set; } = [];
    public IReadOnlyList<HookConfig> StartContainer { get; set; } = [];
    public IReadOnlyList<HookConfig> Poststart { get; set; } = [];
    public IReadOnlyList<HookConfig> Poststop { get; set; } = [];
}

public sealed record HookConfig
{
    /// <summary>Absolute.</summary>
    public string Path { get; set; } = "";

    /// <summary>From args[0] on; the path alone when there are none.</summary>
    public IReadOnlyList<string> Args { get; set; } = [];
    public IReadOnlyList<string> Env { get; set; } = [];

    /// <summary>In seconds, above 0; null waits for ever.</summary>
    public int? Timeout { get; set; }
}
