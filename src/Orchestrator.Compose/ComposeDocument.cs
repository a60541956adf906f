using Orchestrator.Compose.Projects;
using Orchestrator.Compose.Yaml;
using Orchestrator.Model;

namespace Orchestrator.Compose;

/// <summary>Compose files as one: merged, with what they extend and include, variables expanded, without inactive services.</summary>
public sealed class ComposeDocument
{
    private readonly StackSpec _spec;
    private readonly YamlMapping _root;

    internal ComposeDocument(StackSpec spec, YamlMapping root, IReadOnlyList<string> profiles)
    {
        _spec = spec;
        _root = root;
        Profiles = profiles;
    }

    /// <summary>All that the services have, asked for or not.</summary>
    public IReadOnlyList<string> Profiles { get; }

    /// <summary>A compose file that asks for the same, wherever it lies and whoever reads it.</summary>
    public string ToYaml()
    {
        var whole = InlinedFiles.Apply((YamlMapping)SelfContained.Rewrite(_root), _spec);
        var name = new YamlEntry("name", whole.At, new YamlScalar(whole.At, _spec.Name, plain: false));
        return YamlWriter.Write(new YamlMapping(whole.At, [name, .. whole.Entries.Where(e => e.Key is not ("name" or "version"))]));
    }
}
