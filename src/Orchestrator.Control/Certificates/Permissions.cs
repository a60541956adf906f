using Orchestrator.Transport;

namespace Orchestrator.Control.Certificates;

/// <summary>Which role may call what. Whatever is not listed is refused.</summary>
public static class Permissions
{
    private static readonly string
        s_api = "/orchestrator.v1.Api/", s_dispatcher = "/orchestrator.v1.Dispatcher/",
        s_membership = "/orchestrator.v1.Membership/", s_joining = "/orchestrator.v1.Joining/";

    /// <summary>Null: the call is allowed. Otherwise the sentence of the refusal.</summary>
    public static string? Refusal(string path, Role? role) => path switch
    {
        _ when path.StartsWith(s_joining, StringComparison.Ordinal) => null,
        _ when role is null => "a client certificate of this cluster is needed",
        _ when path == s_membership + "Renew" => null,
        _ when path.StartsWith(s_membership, StringComparison.Ordinal) => Need(Role.Server, role.Value),
        _ when path.StartsWith(s_dispatcher, StringComparison.Ordinal) => Need(Role.Agent, role.Value),
        _ when path.StartsWith(s_api, StringComparison.Ordinal) => Need(Role.Admin, role.Value),
        _ => $"unknown call {path}",
    };

    private static string? Need(Role needed, Role role) =>
        role == needed ? null : $"a certificate of role {needed.Name()} is needed, this one is of role {role.Name()}";
}
