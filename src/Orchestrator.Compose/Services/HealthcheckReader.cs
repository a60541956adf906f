using Orchestrator.Compose.Fields;
using Orchestrator.Model;

namespace Orchestrator.Compose.Services;

internal static class HealthcheckReader
{
    private static readonly Keys<Healthcheck> s_keys = new("a healthcheck")
    {
        { "test", ReadTest },
        { "interval", (f, h) => h.IntervalMs = ValueReaders.Duration(f) ?? 0 },
        { "timeout", (f, h) => h.TimeoutMs = ValueReaders.Duration(f) ?? 0 },
        { "retries", (f, h) => h.Retries = f.Integer(1) ?? 0 },
        { "start_period", (f, h) => h.StartPeriodMs = ValueReaders.Duration(f) ?? 0 },
        { "start_interval", (f, h) => h.StartIntervalMs = ValueReaders.Duration(f) ?? 0 },
        { "disable", (f, _) => f.Flag() },
    };

    public static Healthcheck Read(Field field)
    {
        var check = new Healthcheck();
        s_keys.Read(field, check);
        var disabled = field.Entries().Any(e => e.Key == "disable" && e.Node is Yaml.YamlScalar && e.Flag() == true);
        if (disabled)
        {
            check.Test.Clear();
            check.Test.Add("NONE");
        }
        return check;
    }

    private static void ReadTest(Field field, Healthcheck check)
    {
        if (!field.IsList)
        {
            if (field.Text("a shell command, or a list that begins with CMD, CMD-SHELL or NONE") is { } command)
                check.Test.AddRange(["CMD-SHELL", command]);
            return;
        }
        check.Test.AddRange(field.Items().Select(i => i.Text() ?? ""));
        var complete = check.Test.FirstOrDefault() switch
        {
            "NONE" => check.Test.Count == 1,
            "CMD" => check.Test.Count > 1,
            "CMD-SHELL" => check.Test.Count == 2,
            _ => false,
        };
        if (!complete)
            field.Refuse($"got [{string.Join(", ", check.Test)}]; expected [NONE], [CMD, program, arguments...] or [CMD-SHELL, command]");
    }
}
