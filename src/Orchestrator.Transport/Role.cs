namespace Orchestrator.Transport;

/// <summary>What a certificate's holder is: the organizational unit of its subject.</summary>
public enum Role
{
    Server,
    Agent,
    Admin,
}

public static class RoleNames
{
    public static string Name(this Role role) => role switch
    {
        Role.Server => "server",
        Role.Agent => "agent",
        _ => "admin",
    };

    public static Role? Parse(string? name) => name switch
    {
        "server" => Role.Server,
        "agent" => Role.Agent,
        "admin" => Role.Admin,
        _ => null,
    };
}
