using System.Globalization;
using Orchestrator.Compose.Fields;
using Orchestrator.Model;

namespace Orchestrator.Compose.Services;

internal static class RestartReader
{
    private static readonly Keys<RestartPolicy> s_keys = new("a restart_policy")
    {
        { "condition", (f, p) => p.Condition = ReadCondition(f) },
        { "delay", (f, p) => p.DelayMs = ValueReaders.Duration(f) ?? 0 },
        { "max_attempts", (f, p) => p.MaxAttempts = f.Integer(0) ?? 0 },
        { "window", (f, p) => p.WindowMs = ValueReaders.Duration(f) ?? 0 },
    };

    /// <summary>deploy.restart_policy: says more than <c>restart</c>, and wins over it.</summary>
    public static void ReadPolicy(Field field, ServiceDraft service)
    {
        var policy = new RestartPolicy();
        s_keys.Read(field, policy);
        service.Spec.Restart = policy;
        service.DeployRestarts = true;
    }

    public static void Read(Field field, ServiceDraft service)
    {
        var policy = Parse(field.Text("no, always, on-failure, on-failure:ATTEMPTS or unless-stopped") ?? "no");
        if (policy is null)
            field.Expected("no, always, on-failure, on-failure:ATTEMPTS or unless-stopped");
        else if (!service.DeployRestarts)
            service.Spec.Restart = policy;
    }

    private static RestartPolicy? Parse(string text)
    {
        if (text.StartsWith("on-failure:", StringComparison.Ordinal))
            return int.TryParse(text.AsSpan(11), NumberStyles.None, CultureInfo.InvariantCulture, out var attempts)
                ? new RestartPolicy { Condition = RestartCondition.OnFailure, MaxAttempts = attempts }
                : null;
        return text switch
        {
            "no" => new RestartPolicy { Condition = RestartCondition.None },
            "always" or "unless-stopped" => new RestartPolicy { Condition = RestartCondition.Any },
            "on-failure" => new RestartPolicy { Condition = RestartCondition.OnFailure },
            _ => null,
        };
    }

    private static RestartCondition ReadCondition(Field field) => field.OneOf("none", "on-failure", "any") switch
    {
        "none" => RestartCondition.None,
        "on-failure" => RestartCondition.OnFailure,
        _ => RestartCondition.Any,
    };
}
