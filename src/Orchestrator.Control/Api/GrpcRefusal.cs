using System.Globalization;
using Grpc.Core;
using Microsoft.AspNetCore.Http;

namespace Orchestrator.Control.Api;

internal static class GrpcRefusal
{
    /// <summary>Answers a call before any gRPC handler has seen it: status and message in the headers, no body.</summary>
    public static Task WriteAsync(HttpResponse response, StatusCode code, string message)
    {
        response.StatusCode = StatusCodes.Status200OK;
        response.ContentType = "application/grpc";
        response.Headers["grpc-status"] = ((int)code).ToString(CultureInfo.InvariantCulture);
        response.Headers["grpc-message"] = Uri.EscapeDataString(message);
        return Task.CompletedTask;
    }
}
