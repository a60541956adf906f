using System.Net;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Orchestrator.Transport;

namespace Orchestrator.Control.Api;

/// <summary>Who calls: as its certificate says, or as the server says that forwards for it.</summary>
internal sealed record Caller(Role? Role, string Id, bool IsForwarded, EndPoint Peer)
{
    public const string RoleHeader = "x-orc-role", IdHeader = "x-orc-id";

    public static Caller Of(HttpContext context, CertificateSubject? certificate)
    {
        var peer = new IPEndPoint(context.Connection.RemoteIpAddress ?? IPAddress.None, context.Connection.RemotePort);
        var headers = context.Request.Headers;
        // Only a server's word is taken for who its caller is.
        return certificate?.Role == Transport.Role.Server && headers.TryGetValue(RoleHeader, out var role)
            ? new Caller(RoleNames.Parse(role), headers[IdHeader].ToString(), true, peer)
            : new Caller(certificate?.Role, certificate?.Id ?? "", false, peer);
    }

    public static Caller Of(HttpContext context) => (Caller)context.Items[typeof(Caller)]!;

    public static Caller Of(ServerCallContext context) => Of(context.GetHttpContext());

    public void AttachTo(HttpContext context) => context.Items[typeof(Caller)] = this;
}
