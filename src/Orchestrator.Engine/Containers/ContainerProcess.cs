using Orchestrator.Linux;
using Orchestrator.Oci;

namespace Orchestrator.Engine.Containers;

/// <summary>What an image and the options together say about a container's process.</summary>
public sealed record ContainerProcess(IReadOnlyList<string> Arguments, IReadOnlyList<string> Environment, string WorkingDirectory, string User, int StopSignal)
{
    private const string DefaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    /// <exception cref="ContainerException">Nothing to run, or a stop signal that is none.</exception>
    public static ContainerProcess Resolve(ContainerOptions options, ImageConfig image, string hostname)
    {
        var command = options.Command ?? (options.Entrypoint is null ? image.Cmd : []);
        IReadOnlyList<string> arguments = [.. options.Entrypoint ?? image.Entrypoint, .. command];
        if (arguments.Count == 0)
            throw new ContainerException("there is no command to run: neither the image nor the service names an entrypoint or a command");
        var workingDirectory = options.WorkingDirectory.Length > 0 ? options.WorkingDirectory : image.WorkingDir.Length > 0 ? image.WorkingDir : "/";
        if (!workingDirectory.StartsWith('/'))
            throw new ContainerException($"working directory \"{workingDirectory}\" is not absolute");
        return new ContainerProcess(
            arguments, ResolveEnvironment(options, image, hostname), workingDirectory, options.User.Length > 0 ? options.User : image.User,
            ParseStopSignal(options.StopSignal.Length > 0 ? options.StopSignal : image.StopSignal ?? "SIGTERM"));
    }

    private static List<string> ResolveEnvironment(ContainerOptions options, ImageConfig image, string hostname)
    {
        var merged = new List<string>();
        var positions = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var entry in (IEnumerable<string>)[DefaultPath, $"HOSTNAME={hostname}", .. image.Env, .. options.Environment.Select(e => $"{e.Key}={e.Value}")])
        {
            var name = entry.Split('=', 2)[0];
            if (positions.TryGetValue(name, out var position))
                merged[position] = entry;
            else
            {
                positions.Add(name, merged.Count);
                merged.Add(entry);
            }
        }
        return merged;
    }

    private static int ParseStopSignal(string text) => Signals.TryParse(text, out var signal)
        ? signal : throw new ContainerException($"stop signal \"{text}\" is no signal; expected a name such as SIGTERM or a number from 1 to 64");
}
