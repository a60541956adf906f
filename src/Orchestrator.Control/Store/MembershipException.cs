namespace Orchestrator.Control.Store;

/// <summary>The list of voters was not changed.</summary>
public sealed class MembershipException(string message, Exception? inner = null) : Exception(message, inner);
