using Orchestrator.Linux;
using Orchestrator.Linux.Tapes;
using Orchestrator.Oci.Runtime;
using Orchestrator.Runtime.Verbs;
using static Orchestrator.Runtime.Planning.KernelArguments;

namespace Orchestrator.Runtime.Planning;

/// <summary>A container with an init: this program itself, laid read-only into /dev, becomes pid 1 and starts the command.</summary>
internal static class InitSteps
{
    public const string Path = "/dev/init";
    private const string Field = $"annotations[{RuntimeAnnotations.Init}]";

    public static bool IsAskedFor(RuntimeConfig config) =>
        config.Annotations.TryGetValue(RuntimeAnnotations.Init, out var value) && value switch
        {
            "true" => true,
            "false" => false,
            _ => throw new RuntimeConfigException(Field, $"\"{value}\" is no truth value; accepted: true, false"),
        };

    public static IReadOnlyList<string> Arguments(IReadOnlyList<string> command) => ["init", InitVerb.Name, "--", .. command];

    public static void Mount(Tape tape, RootDirectory root, string program)
    {
        var tree = tape.Add(Field, Syscall.open_tree, HereDirectory, program, OpenTree(recursive: false));
        tape.Add(Field, Syscall.mount_setattr, tree, "", EmptyPath,
            MountAttributes(new MountAttributes(MountAttributeFlags.ReadOnly | MountAttributeFlags.NoSetId, 0, MountFlags.Private)), MountAttributesSize);
        root.Attach(tree, Path, isDirectory: false, Field);
    }
}
