using Orchestrator.Compose.Yaml;

namespace Orchestrator.Compose;

/// <summary>Collects what is to be said about a file. Copies made by <c>with { File = ... }</c> write into the same lists.</summary>
internal sealed record Report(string File)
{
    private readonly List<Diagnostic> _errors = [];
    private readonly List<Diagnostic> _warnings = [];
    private readonly List<string> _files = [];

    public int ErrorCount => _errors.Count;

    public bool HasErrors => ErrorCount > 0;

    // A value that is used in many places through an anchor is wrong once.
    public IReadOnlyList<Diagnostic> Errors => InOrder(_errors);

    public IReadOnlyList<Diagnostic> Warnings => InOrder(_warnings);

    public void Error(Position at, string field, string message) => _errors.Add(new Diagnostic(at.Origin?.File ?? File, at.Line, at.Column, field, message));

    public void Warn(Position at, string field, string message) => _warnings.Add(new Diagnostic(at.Origin?.File ?? File, at.Line, at.Column, field, message));

    /// <summary>Compose files come in the order in which they are noted, others after them.</summary>
    public void Note(string file) => _files.Add(file);

    private int Place(string file) => _files.IndexOf(file) is >= 0 and var place ? place : int.MaxValue;

    private List<Diagnostic> InOrder(List<Diagnostic> diagnostics) =>
        [.. diagnostics.DistinctBy(d => (d.File, d.Line, d.Column, d.Message)).OrderBy(d => Place(d.File)).ThenBy(d => d.Line).ThenBy(d => d.Column)];
}
