using System.CommandLine;
using Orchestrator.Cli.Output;
using Orchestrator.Model;

namespace Orchestrator.Cli.Commands;

internal static class ApplyCommand
{
    public static Command Create(Shell shell)
    {
        var compose = new ComposeOptions();
        var waiting = new WaitOptions(waitsByDefault: true);
        var command = new Command("apply", "Make the cluster run what a compose file says, and keep it so");
        compose.AddTo(command);
        waiting.AddTo(command);
        return shell.On(command, async (session, parse, cancellation) =>
        {
            var spec = compose.Load(session, parse);
            var request = new ApplyStackRequest { Spec = spec, RequestId = Session.NewRequestId() };
            var answer = await session.Api.ApplyStackAsync(request, cancellationToken: cancellation);
            session.Warn(answer.Warnings);
            session.Out.Write(session.Json ? JsonOutput.Text(JsonOutput.Of(answer)) : PlanCommand.Describe(spec.Name, answer.Actions));
            return await waiting.WaitAsync(session, parse, spec.Name, answer.Revision, cancellation);
        });
    }
}
