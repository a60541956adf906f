using Grpc.Core;

namespace Orchestrator.Agent.Local;

/// <summary>What this machine's user asked for is not to be had; the message is the sentence to show.</summary>
internal sealed class LocalRefusal(StatusCode code, string message) : Exception(message)
{
    public StatusCode Code => code;

    public static LocalRefusal NotFound(string message) => new(StatusCode.NotFound, message);

    public static LocalRefusal Invalid(string message) => new(StatusCode.InvalidArgument, message);

    /// <summary>It is there, but not in a state for this.</summary>
    public static LocalRefusal Conflict(string message) => new(StatusCode.FailedPrecondition, message);
}
