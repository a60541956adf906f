namespace Orchestrator.Model.Applying;

/// <summary>Refusals by kind. Each message names the object, the field and what would be accepted.</summary>
internal static class Refuse
{
    public static Refusal NotFound(string message) => new() { Kind = RefusalKind.NotFound, Message = message };

    public static Refusal Conflict(string message) => new() { Kind = RefusalKind.Conflict, Message = message };

    public static Refusal Invalid(string message) => new() { Kind = RefusalKind.Invalid, Message = message };

    public static Refusal Exhausted(string message) => new() { Kind = RefusalKind.Exhausted, Message = message };

    public static Refusal StaleTerm(ulong term, ulong newest) => new()
    {
        Kind = RefusalKind.StaleTerm,
        Message = $"the change was decided by the leader of term {term}, but a change of term {newest} is already applied",
    };
}
