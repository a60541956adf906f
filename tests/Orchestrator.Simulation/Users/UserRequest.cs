namespace Orchestrator.Simulation.Users;

/// <summary>An action under the one id that all attempts share.</summary>
internal sealed class UserRequest(string id, UserAction action)
{
    public string Id => id;

    public UserAction Action => action;

    public bool IsAnswered { get; set; }
}
