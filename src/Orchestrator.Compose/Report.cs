using Orchestrator.Compose.Yaml;

namespace Orchestrator.Compose;

/// <summary>Collects what is to be said about a file. Copies made by <c>with { File = ... }</c> write into the same lists.</summary>
internal sealed record Report(string File)
{
    private readonly List<Diagnostic> _errors = [];
    private readonly List<Diagnostic> _warnings = [];

    public int ErrorCount => _errors.Count;

    public bool HasErrors => ErrorCount > 0;

    // A value that is used in many places through an anchor is wrong once.
    public IReadOnlyList<Diagnostic> Errors => InOrder(_errors);

    public IReadOnlyList<Diagnostic> Warnings => InOrder(_warnings);

    public void Error(Position at, string field, string message) => _errors.Add(new Diagnostic(File, at.Line, at.Column, field, message));

    public void Warn(Position at, string field, string message) => _warnings.Add(new Diagnostic(File, at.Line, at.Column, field, message));

    private List<Diagnostic> InOrder(List<Diagnostic> diagnostics) =>
        [.. diagnostics.DistinctBy(d => (d.File, d.Line, d.Column, d.Message)).OrderBy(d => d.File == File ? 0 : 1).ThenBy(d => d.Line).ThenBy(d => d.Column)];
}
