using Grpc.Core;
using Orchestrator.Model;

namespace Orchestrator.Control.Api;

/// <summary>The refusals of the public API: a status and the sentence that people read.</summary>
internal static class Refusals
{
    public static RpcException Invalid(string sentence) => new(new Status(StatusCode.InvalidArgument, sentence));

    public static RpcException NotFound(string sentence) => new(new Status(StatusCode.NotFound, sentence));

    public static RpcException Precondition(string sentence) => new(new Status(StatusCode.FailedPrecondition, sentence));

    public static RpcException Unavailable(string sentence) => new(new Status(StatusCode.Unavailable, sentence));

    public static RpcException Of(Refusal refusal) => new(new Status(CodeOf(refusal.Kind), refusal.Message));

    private static StatusCode CodeOf(RefusalKind kind) => kind switch
    {
        RefusalKind.NotFound => StatusCode.NotFound,
        RefusalKind.Conflict => StatusCode.Aborted,
        RefusalKind.Invalid => StatusCode.InvalidArgument,
        RefusalKind.StaleTerm => StatusCode.Unavailable,
        _ => StatusCode.FailedPrecondition,
    };
}
