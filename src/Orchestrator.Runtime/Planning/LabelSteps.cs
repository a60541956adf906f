using System.Text;
using Orchestrator.Linux;
using Orchestrator.Linux.Tapes;
using Orchestrator.Oci.Runtime;
using static Orchestrator.Runtime.Planning.KernelArguments;

namespace Orchestrator.Runtime.Planning;

/// <summary>The confinement that execve brings: an AppArmor profile, or an SELinux label. Opened in the host's /proc, written before execve.</summary>
internal sealed class LabelSteps(Tape tape, ProcessConfig process, LaunchFacts facts)
{
    private (string Field, Step File, string Text)? _profile, _label;

    public void Open()
    {
        if (process.ApparmorProfile is { Length: > 0 } profile)
        {
            if (!facts.HasAppArmor)
                throw new RuntimeConfigException("process.apparmorProfile", $"\"{profile}\" cannot be applied: this kernel runs without AppArmor; accepted: none");
            _profile = ("process.apparmorProfile", OpenOwn("process.apparmorProfile", "/proc/self/attr/apparmor/exec"), "exec " + profile);
        }
        if (process.SelinuxLabel is { Length: > 0 } label)
        {
            CheckSelinux("process.selinuxLabel", label, facts);
            _label = ("process.selinuxLabel", OpenOwn("process.selinuxLabel", "/proc/self/attr/exec"), label);
        }
    }

    public void Write()
    {
        foreach (var (field, file, text) in new[] { _profile, _label }.OfType<(string, Step, string)>())
        {
            var bytes = Encoding.UTF8.GetBytes(text);
            tape.Add(field, Syscall.write, file, Argument.Of(bytes, $"\"{text}\""), bytes.Length);
        }
    }

    public static void CheckSelinux(string field, string label, LaunchFacts facts)
    {
        if (!facts.HasSelinux)
            throw new RuntimeConfigException(field, $"\"{label}\" cannot be applied: this kernel runs without SELinux; accepted: none");
    }

    private Step OpenOwn(string field, string path) =>
        tape.Add(field, Syscall.openat, HereDirectory, path, Argument.Flags(OpenFlags.WriteOnly | OpenFlags.CloseOnExec), 0);
}
