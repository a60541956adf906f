using System.Text.Json;
using Orchestrator.Linux.Cgroups;

namespace Orchestrator.Engine.Containers;

/// <summary>What the runtime keeps of containers while they run: a directory and a cgroup each.</summary>
internal sealed class RuntimeState(EngineOptions options)
{
    private const int Attempts = 500;
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(10);
    private static readonly Lazy<CgroupLayout> s_cgroups = new(CgroupLayout.Read);

    /// <summary>What the keeper left at the end; null when there is nothing.</summary>
    public ContainerExit? ReadExit(string id)
    {
        try
        {
            var exit = JsonSerializer.Deserialize(File.ReadAllBytes(Path.Combine(StateDirectory(id), "exit.json")), ContainerJson.Default.ContainerExit);
            return exit is { ExitCode: < 0 } ? exit with { Error = Unseen } : exit;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException or JsonException)
        {
            return null;
        }
    }

    public const string Unseen = "it ended while its keeper was dead: the exit code is unknown";

    /// <summary>Kills what still runs of the container and removes the runtime's state and cgroup; nothing there is no error.</summary>
    public async Task DeleteAsync(string id)
    {
        var group = new Cgroup(s_cgroups.Value, $"/{options.CgroupParent}/{id}");
        for (var attempt = 1; !group.Remove(); attempt++)
        {
            if (attempt == Attempts)
                throw new ContainerException($"container {id} cannot be deleted: processes {string.Join(", ", group.Processes())} do not leave the cgroup {group.Path}");
            group.KillAll();
            await Task.Delay(s_pause);
        }
        DeleteDirectory(StateDirectory(id));
    }

    // The keeper may be putting the end on record.
    private static void DeleteDirectory(string directory)
    {
        for (var attempt = 1; Directory.Exists(directory); attempt++)
        {
            try
            {
                Directory.Delete(directory, recursive: true);
            }
            catch (IOException) when (attempt < 5)
            {
            }
        }
    }

    private string StateDirectory(string id) => Path.Combine(options.RuntimeRoot, id);
}
