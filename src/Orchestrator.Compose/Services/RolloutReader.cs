using System.Globalization;
using Orchestrator.Compose.Fields;
using Orchestrator.Model;

namespace Orchestrator.Compose.Services;

/// <summary>deploy.update_config and deploy.rollback_config, with what they lack elsewhere: a deadline and canaries.</summary>
internal static class RolloutReader
{
    private static readonly Keys<RolloutPolicy> s_rollbackKeys = new("a rollback_config") { { "failure_action", (f, p) => p.FailureAction = ReadAction(f, "continue", "pause") } };

    private static readonly Keys<RolloutPolicy> s_updateKeys = new("an update_config")
    {
        { "failure_action", (f, p) => p.FailureAction = ReadAction(f, "continue", "pause", "rollback") },
        { "x-orc-canary", (f, p) => p.Canary = f.Integer(0) ?? 0 },
    };

    static RolloutReader()
    {
        AddShared(s_updateKeys);
        AddShared(s_rollbackKeys);
    }

    public static RolloutPolicy ReadUpdate(Field field) => Read(field, s_updateKeys);

    public static RolloutPolicy ReadRollback(Field field) => Read(field, s_rollbackKeys);

    private static RolloutPolicy Read(Field field, Keys<RolloutPolicy> keys)
    {
        var policy = new RolloutPolicy();
        keys.Read(field, policy);
        return policy;
    }

    private static void AddShared(Keys<RolloutPolicy> keys)
    {
        keys.Add("parallelism", (f, p) => p.Parallelism = f.Integer(0) ?? 1);
        keys.Add("delay", (f, p) => p.DelayMs = ValueReaders.Duration(f) ?? 0);
        keys.Add("monitor", (f, p) => p.MonitorMs = ValueReaders.Duration(f) ?? 0);
        keys.Add("max_failure_ratio", (f, p) => p.MaxFailurePpm = ReadRatio(f));
        keys.Add("order", (f, p) => p.Order = f.OneOf("stop-first", "start-first") == "start-first" ? RolloutOrder.StartFirst : RolloutOrder.StopFirst);
        keys.Add("x-orc-progress-deadline", (f, p) => p.ProgressDeadlineMs = ValueReaders.Duration(f) ?? 0);
    }

    private static FailureAction ReadAction(Field field, params string[] accepted) => field.OneOf(accepted) switch
    {
        "continue" => FailureAction.Continue,
        "rollback" => FailureAction.Rollback,
        _ => FailureAction.Pause,
    };

    private static int ReadRatio(Field field)
    {
        const string accepted = "a share of the replicas, 0 to 1, such as 0.25";
        if (field.Written(accepted) is not { } text)
            return 0;
        if (text.Length <= 20 && decimal.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var ratio) && ratio <= 1)
            return (int)(ratio * 1_000_000);
        field.Expected(accepted);
        return 0;
    }
}
