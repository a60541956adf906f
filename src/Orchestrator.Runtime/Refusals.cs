namespace Orchestrator.Runtime;

/// <summary>The command line is wrong: exit code 2 for people, and nothing has been touched.</summary>
public sealed class UsageException(string message) : Exception(message);

/// <summary>What was asked cannot be done now; the message says why.</summary>
public sealed class RefusedException(string message) : Exception(message);
