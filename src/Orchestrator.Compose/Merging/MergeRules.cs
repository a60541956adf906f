namespace Orchestrator.Compose.Merging;

/// <summary>How a value is laid over an earlier one.</summary>
internal enum MergeRule
{
    /// <summary>Mappings key by key, lists one after the other, anything else replaced.</summary>
    ByKind,

    /// <summary>Also by nothing, which has a meaning here: a variable that is passed on, the image's own command.</summary>
    Replace,

    /// <summary>A mapping, or a list of KEY=VALUE.</summary>
    Pairs,

    /// <summary>A mapping, or a list of names.</summary>
    Named,

    /// <summary>A list, or one value alone.</summary>
    List,

    /// <summary>A list, or a mapping of names to addresses.</summary>
    Hosts,
    Logging,
}

internal static class MergeRules
{
    public static MergeRule For(IReadOnlyList<string> path) => path is ["services", _, _, ..] ? OfService([.. path.Skip(2)]) : path switch
    {
        ["networks" or "volumes" or "secrets" or "configs", _, "labels"] => MergeRule.Pairs,
        ["networks" or "volumes" or "secrets" or "configs", _, "labels", _] => MergeRule.Replace,
        _ => MergeRule.ByKind,
    };

    private static MergeRule OfService(string[] path) => path switch
    {
        ["command" or "entrypoint" or "build"] or ["healthcheck", "test"] or ["ulimits", _] => MergeRule.Replace,
        ["environment" or "labels" or "annotations" or "sysctls"] or ["deploy", "labels"] => MergeRule.Pairs,
        ["environment" or "labels" or "annotations" or "sysctls", _] or ["deploy", "labels", _] => MergeRule.Replace,
        ["depends_on" or "networks"] => MergeRule.Named,
        ["env_file" or "label_file" or "dns" or "dns_search" or "dns_opt" or "tmpfs"] => MergeRule.List,
        ["extra_hosts"] => MergeRule.Hosts,
        ["logging"] => MergeRule.Logging,
        _ => MergeRule.ByKind,
    };
}
