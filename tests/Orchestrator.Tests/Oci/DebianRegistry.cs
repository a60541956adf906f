using System.Diagnostics;
using System.Text.RegularExpressions;
using Orchestrator.Oci;
using Xunit;

namespace Orchestrator.Tests.Oci;

/// <summary>Debian's docker-registry as a process of our own, on a port of its choice, with storage that goes when it ends.</summary>
internal sealed partial class DebianRegistry : IDisposable
{
    private readonly Process _process;

    private DebianRegistry(Process process, DirectoryInfo directory, string address) => (_process, Directory, Address) = (process, directory, address);

    /// <summary>"127.0.0.1:PORT".</summary>
    public string Address { get; }

    public DirectoryInfo Directory { get; }

    public ImageReference Reference(string name) => ImageReference.Parse($"{Address}/{name}");

    public static async Task<DebianRegistry> StartAsync()
    {
        const string program = "/usr/bin/docker-registry";
        if (!File.Exists(program))
            Assert.Skip("needs Debian's docker-registry");
        var directory = System.IO.Directory.CreateTempSubdirectory("orc-registry-");
        var config = Path.Combine(directory.FullName, "config.yml");
        File.WriteAllText(config, $$"""
            version: 0.1
            log: { level: info }
            storage: { filesystem: { rootdirectory: {{directory.FullName}}/data }, delete: { enabled: true } }
            http: { addr: "127.0.0.1:0" }
            """);
        var process = Process.Start(new ProcessStartInfo(program, ["serve", config]) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        var address = new TaskCompletionSource<string>();
        process.ErrorDataReceived += (_, line) =>
        {
            if (line.Data is null)
                address.TrySetException(new InvalidOperationException("docker-registry ended without listening"));
            else if (ListeningPattern().Match(line.Data) is { Success: true } match)
                address.TrySetResult(match.Groups[1].Value);
        };
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
        return new DebianRegistry(process, directory, await address.Task);
    }

    /// <summary>The file in which the registry keeps a blob.</summary>
    public string BlobFile(Digest digest) =>
        Path.Combine(Directory.FullName, "data/docker/registry/v2/blobs", digest.Algorithm, digest.Hex[..2], digest.Hex, "data");

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        Directory.Delete(recursive: true);
    }

    [GeneratedRegex(@"listening on (127\.0\.0\.1:\d+)")]
    private static partial Regex ListeningPattern();
}
