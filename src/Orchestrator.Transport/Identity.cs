namespace Orchestrator.Transport;

/// <summary>The credentials of this process, kept in a directory. Every handshake reads <see cref="Current"/>, so a renewal needs no restart.</summary>
public sealed class Identity(Credentials credentials, string? directory = null)
{
    private volatile Credentials _current = credentials;

    public Credentials Current => _current;

    public static Identity Load(string directory) => new(Credentials.Load(directory), directory);

    public void Replace(Credentials renewed)
    {
        if (directory is not null)
            renewed.Save(directory);
        _current = renewed;
    }
}
