using Orchestrator.Compose.Fields;
using Orchestrator.Model;

namespace Orchestrator.Compose.Services;

internal static class UlimitReader
{
    // getrlimit(2), in lower case and without RLIMIT_.
    private static readonly string[] s_names =
        ["as", "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio", "rttime", "sigpending", "stack"];

    private static readonly Keys<Ulimit> s_keys = new("a ulimit")
    {
        { "soft", (f, u) => u.Soft = Limit(f) },
        { "hard", (f, u) => u.Hard = Limit(f) },
    };

    public static void Read(Field field, ServiceDraft service)
    {
        foreach (var entry in field.Entries("a mapping of names to limits"))
        {
            var limit = new Ulimit { Name = entry.Key };
            if (!s_names.Contains(entry.Key))
                entry.RefuseKey($"there is no limit \"{entry.Key}\"; there are {string.Join(", ", s_names)}");
            else if (entry.IsMapping)
                ReadBoth(entry, limit);
            else
                limit.Soft = limit.Hard = Limit(entry);
            service.Container.Ulimits.Add(limit);
        }
    }

    private static void ReadBoth(Field entry, Ulimit limit)
    {
        s_keys.Read(entry, limit);
        if (entry.Entries().Count(e => e.Key is "soft" or "hard" && !e.IsNull) < 2)
            entry.RefuseKey("needs both soft and hard; write one number for both");
        else if (limit.Hard >= 0 && (limit.Soft < 0 || limit.Soft > limit.Hard))
            entry.Refuse("the soft limit is above the hard one");
    }

    private static long Limit(Field field)
    {
        const string accepted = "a whole number, or -1 for no limit";
        if (field.Written(accepted) is not { } text)
            return 0;
        if (long.TryParse(text, System.Globalization.NumberStyles.AllowLeadingSign, System.Globalization.CultureInfo.InvariantCulture, out var limit) && limit >= -1)
            return limit;
        field.Expected(accepted);
        return 0;
    }
}
