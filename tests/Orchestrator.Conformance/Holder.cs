using System.Diagnostics;
using System.Globalization;

namespace Orchestrator.Conformance;

/// <summary>A process that holds namespaces of its own, for containers to join.</summary>
internal sealed class Holder : IDisposable
{
    private readonly Process _unshare;

    /// <param name="options">As unshare(1) takes them.</param>
    public Holder(params string[] options)
    {
        _unshare = Process.Start("unshare", [.. options, "--kill-child", "sleep", "1000"]);
        Bundle.Await(() => (Pid = Find()) != 0, "a process in new namespaces");
    }

    public int Pid { get; private set; }

    public string Path(string ns) => $"/proc/{Pid}/ns/{ns}";

    public void Dispose()
    {
        _unshare.Kill(entireProcessTree: true);
        _unshare.WaitForExit();
        _unshare.Dispose();
    }

    // The process itself, or with --fork its child, once it has become sleep.
    private int Find()
    {
        var children = File.ReadAllText($"/proc/{_unshare.Id}/task/{_unshare.Id}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var pid = children.Length == 0 ? _unshare.Id : int.Parse(children[0], CultureInfo.InvariantCulture);
        return File.ReadAllText($"/proc/{pid}/cmdline").StartsWith("sleep", StringComparison.Ordinal) ? pid : 0;
    }
}
