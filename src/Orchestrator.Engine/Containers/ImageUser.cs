using System.Globalization;

namespace Orchestrator.Engine.Containers;

/// <summary>Who a process in a container is, by the image's own user and group files.</summary>
public sealed record ImageUser(uint Uid, uint Gid, IReadOnlyList<uint> AdditionalGids, string Home)
{
    /// <param name="user">"uid", "uid:gid", "name", "name:group"; empty is root.</param>
    /// <param name="passwd">The text of /etc/passwd; null when there is none.</param>
    /// <param name="group">The text of /etc/group; null when there is none.</param>
    /// <param name="addGroups">Further groups: names or numbers.</param>
    /// <exception cref="ContainerException">A name that the files do not have.</exception>
    public static ImageUser Resolve(string user, string? passwd, string? group, IReadOnlyList<string>? addGroups = null)
    {
        var colon = user.IndexOf(':', StringComparison.Ordinal);
        var name = colon < 0 ? user : user[..colon];
        var groupName = colon < 0 ? "" : user[(colon + 1)..];
        var account = FindAccount(user, name.Length == 0 ? "0" : name, passwd);
        var gid = groupName.Length == 0 ? account.Gid : FindGroup(user, groupName, group);
        var additional = groupName.Length == 0 ? GroupsOf(account.Name, group).Where(g => g != gid).Distinct() : [];
        var added = (addGroups ?? []).Select(g => FindGroup(user, g, group));
        return new ImageUser(account.Uid, gid, [.. additional.Concat(added).Distinct()], account.Home);
    }

    private static (string? Name, uint Uid, uint Gid, string Home) FindAccount(string user, string name, string? passwd)
    {
        var numeric = TryId(name, out var uid);
        foreach (var fields in Lines(passwd, 6))
            if ((fields[0] == name || (numeric && fields[2] == name)) && TryId(fields[2], out var id) && TryId(fields[3], out var gid))
                return (fields[0], id, gid, fields[5].Length == 0 ? "/" : fields[5]);
        return numeric ? (null, uid, 0, "/") : throw new ContainerException($"user \"{user}\": the image has no user \"{name}\" in /etc/passwd");
    }

    private static uint FindGroup(string user, string name, string? group)
    {
        foreach (var fields in Lines(group, 3))
            if (fields[0] == name && TryId(fields[2], out var gid))
                return gid;
        return TryId(name, out var id) ? id : throw new ContainerException($"user \"{user}\": the image has no group \"{name}\" in /etc/group");
    }

    private static IEnumerable<uint> GroupsOf(string? account, string? group)
    {
        foreach (var fields in Lines(group, 4))
            if (account is not null && fields[3].Split(',').Contains(account) && TryId(fields[2], out var gid))
                yield return gid;
    }

    private static IEnumerable<string[]> Lines(string? text, int fieldsMin) =>
        (text ?? "").Split('\n').Select(l => l.TrimEnd('\r').Split(':')).Where(f => f.Length >= fieldsMin);

    private static bool TryId(string text, out uint id) =>
        uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out id) && id < uint.MaxValue;
}
