using System.Text.Json.Nodes;
using Orchestrator.Cli;
using Orchestrator.Cli.Commands.Containers;
using Xunit;

namespace Orchestrator.Tests.Cli.Containers;

public sealed class TemplateTests
{
    private static JsonNode Value => JsonNode.Parse("""{"State":{"Status":"running","Pid":5,"Running":true},"Args":["a","b"],"Config":{"Labels":{"x.y":"z"}},"Mounts":[{"Name":"v"}]}""")!;

    [Theory]
    [InlineData("{{.State.Status}}", "running")]
    [InlineData("{{ .State.Pid }}/{{.State.Running}}", "5/true")]
    [InlineData("{{json .State.Status}}", "\"running\"")]
    [InlineData("{{json .Args}}", "[\"a\",\"b\"]")]
    [InlineData("{{len .Args}}", "2")]
    [InlineData("{{.Args}}", "[a b]")]
    [InlineData("{{index .Config.Labels \"x.y\"}}", "z")]
    [InlineData("{{.Mounts.0.Name}}\\tx", "v\tx")]
    public void What_people_type_is_understood(string template, string expected) => Assert.Equal(expected, Template.Render(template, Value));

    [Theory]
    [InlineData("{{.Nothing}}")]
    [InlineData("{{range .Args}}{{.}}{{end}}")]
    [InlineData("{{.State")]
    public void The_rest_is_refused(string template) => Assert.Throws<RefusedException>(() => Template.Render(template, Value));
}
