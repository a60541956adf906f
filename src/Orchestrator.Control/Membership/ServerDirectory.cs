using System.Text.Json;
using Google.Protobuf;
using Orchestrator.Model;
using Orchestrator.Transport;

namespace Orchestrator.Control.Membership;

/// <summary>What a server keeps on disk besides its store. Each file is written before the step that needs it, so every start can go on where the last one stopped.</summary>
internal sealed class ServerDirectory : IDisposable
{
    private readonly string _dataDirectory;
    private readonly FileStream _lock;

    /// <exception cref="ServerStartException">Another server uses it.</exception>
    public ServerDirectory(string dataDirectory)
    {
        _dataDirectory = dataDirectory;
        Directory.CreateDirectory(Root, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        _lock = Lock();
    }

    public void Dispose() => _lock.Dispose();

    public string Store => Path.Combine(Root, "store");
    public string AdminContext => Path.Combine(_dataDirectory, "admin.json");
    public string Settings => Path.Combine(Root, "settings.json");

    public bool HasIdentity => Credentials.Exist(Root);

    public Identity LoadIdentity() => Identity.Load(Root);

    public Identity SaveIdentity(Credentials credentials)
    {
        credentials.Save(Root);
        return new Identity(credentials, Root);
    }

    /// <summary>The cluster that this server begins, until it is committed.</summary>
    public Cluster? Founding
    {
        get => File.Exists(FoundingFile) ? Cluster.Parser.ParseFrom(File.ReadAllBytes(FoundingFile)) : null;
        set => Put(FoundingFile, value?.ToByteArray());
    }

    /// <summary>Addresses of servers to be added by, until this server is a member.</summary>
    public IReadOnlyList<string>? Joining
    {
        get => File.Exists(JoiningFile) ? JsonSerializer.Deserialize(File.ReadAllText(JoiningFile), ServerSettingsJson.Default.IReadOnlyListString) : null;
        set => Put(JoiningFile, value is null ? null : JsonSerializer.SerializeToUtf8Bytes(value, ServerSettingsJson.Default.IReadOnlyListString));
    }

    private string Root => Path.Combine(_dataDirectory, "server");
    private string FoundingFile => Path.Combine(Root, "founding");
    private string JoiningFile => Path.Combine(Root, "joining");

    private FileStream Lock()
    {
        try
        {
            return new FileStream(Path.Combine(Root, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e)
        {
            throw new ServerStartException($"another server uses {Root}: {e.Message}");
        }
    }

    /// <summary>Replaces the file in one step, or deletes it; only root may read it.</summary>
    public static void Put(string path, byte[]? content)
    {
        if (content is null)
        {
            File.Delete(path);
            return;
        }
        using (var file = new FileStream(path + ".new", new FileStreamOptions
        {
            Mode = FileMode.Create, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        }))
        {
            file.Write(content);
            file.Flush(flushToDisk: true);
        }
        File.Move(path + ".new", path, overwrite: true);
    }
}
