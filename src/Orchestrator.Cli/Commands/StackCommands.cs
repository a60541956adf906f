using System.CommandLine;
using System.Globalization;
using Orchestrator.Cli.Output;
using Orchestrator.Model;

namespace Orchestrator.Cli.Commands;

internal static class StackCommands
{
    public static Command Create(Shell shell) => new("stack", "List and remove stacks") { List(shell), Remove(shell) };

    private static Command List(Shell shell) => shell.On(new Command("ls", "List stacks"), async (session, _, cancellation) =>
    {
        var stacks = (await session.Api.ListStacksAsync(new ListStacksRequest(), cancellationToken: cancellation)).Stacks;
        return session.Show(() => JsonOutput.List(stacks, JsonOutput.Of), () =>
        {
            var table = new Table("NAME", "SERVICES", "NETWORKS", "VOLUMES", "APPLIED");
            foreach (var stack in stacks.OrderBy(s => s.Name, StringComparer.Ordinal))
                table.Add(stack.Name, Count(stack.Spec?.Services), Count(stack.Spec?.Networks), Count(stack.Spec?.Volumes), Ago(stack.UpdatedMs));
            return table;
        });
    });

    private static Command Remove(Shell shell)
    {
        var names = new Argument<string[]>("STACK") { Description = "stacks to remove", Arity = ArgumentArity.OneOrMore };
        return shell.On(new Command("rm", "Remove stacks: their services stop; named volumes stay on the nodes") { names }, async (session, parse, cancellation) =>
        {
            foreach (var name in parse.GetRequiredValue(names))
            {
                await session.Api.RemoveStackAsync(new RemoveStackRequest { Name = name, RequestId = Session.NewRequestId() }, cancellationToken: cancellation);
                session.Out.WriteLine($"stack {name} is being removed");
            }
            return ExitCode.Done;
        });
    }

    private static string Count<T>(IReadOnlyCollection<T>? items) => (items?.Count ?? 0).ToString(CultureInfo.InvariantCulture);

    private static string Ago(long ms) => Text.Age(ms) is { Length: > 0 } age ? $"{age} ago" : "";
}
