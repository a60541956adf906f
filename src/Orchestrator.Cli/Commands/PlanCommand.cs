using System.CommandLine;
using Orchestrator.Cli.Output;
using Orchestrator.Model;

namespace Orchestrator.Cli.Commands;

internal static class PlanCommand
{
    public static Command Create(Shell shell)
    {
        var compose = new ComposeOptions();
        var command = new Command("plan", "Show what applying a compose file would change; changes nothing");
        compose.AddTo(command);
        return shell.On(command, async (session, parse, cancellation) =>
        {
            var spec = compose.Load(session, parse);
            var plan = await session.Api.PlanStackAsync(new PlanStackRequest { Spec = spec }, cancellationToken: cancellation);
            session.Warn(plan.Warnings);
            session.Out.Write(session.Json ? JsonOutput.Text(JsonOutput.Of(plan)) : Describe(spec.Name, plan.Actions));
            return ExitCode.Done;
        });
    }

    /// <summary>A line for each object that changes, and one for each of its fields.</summary>
    public static string Describe(string stack, IEnumerable<PlannedAction> actions)
    {
        var changes = actions.Where(a => a.Verb != PlannedVerb.Unchanged).ToList();
        if (changes.Count == 0)
            return $"stack {stack}: nothing changes\n";
        return $"stack {stack}:\n" + string.Concat(changes.Select(Describe));
    }

    private static string Describe(PlannedAction action)
    {
        var (sign, verb) = action.Verb switch
        {
            PlannedVerb.Create => ("+", "create"),
            PlannedVerb.Update => ("~", "update"),
            PlannedVerb.Replace => ("!", "replace the replicas of"),
            PlannedVerb.Remove => ("-", "remove"),
            _ => (" ", "leave"),
        };
        return $"  {sign} {verb} {action.Kind} {Text.OneLine(action.Name)}\n" + string.Concat(action.Fields.Concat(action.Placement).Select(f => $"      {Text.OneLine(f)}\n"));
    }
}
