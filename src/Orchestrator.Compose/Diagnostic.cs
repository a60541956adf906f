namespace Orchestrator.Compose;

/// <summary>Something to tell the author of a file. Lines and columns count from 1; line 0 means the file as a whole.</summary>
/// <param name="Field">Where in the document, for example <c>services.web.ports[0]</c>; empty when it concerns no field.</param>
public sealed record Diagnostic(string File, int Line, int Column, string Field, string Message)
{
    public override string ToString()
    {
        var place = Line == 0 ? File : $"{File}:{Line}";
        return Field.Length == 0 ? $"{place}: {Message}" : $"{place}: {Field}: {Message}";
    }
}
