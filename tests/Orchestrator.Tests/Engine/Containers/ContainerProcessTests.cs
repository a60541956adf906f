using Orchestrator.Engine.Containers;
using Orchestrator.Engine.Images;
using Orchestrator.Oci;
using Xunit;

namespace Orchestrator.Tests.Engine.Containers;

public sealed class ContainerProcessTests
{
    private static readonly ImageConfig s_image = new()
    {
        Architecture = "amd64", Os = "linux", RootFs = new RootFs { DiffIds = [] },
        Execution = new ExecutionParameters
        {
            Entrypoint = ["/entry"], Cmd = ["serve"], Env = ["A=image", "PATH=/opt"], WorkingDir = "/srv", User = "web", StopSignal = "SIGQUIT",
        },
    };

    [Fact]
    public void What_is_not_said_is_as_the_image_says()
    {
        var process = Resolve(new());
        Assert.Equal(["/entry", "serve"], process.Arguments);
        Assert.Equal(("/srv", "web", 3), (process.WorkingDirectory, process.User, process.StopSignal));
    }

    [Fact]
    public void A_command_replaces_the_images_and_an_entrypoint_drops_it()
    {
        Assert.Equal(["/entry", "x"], Resolve(new() { Command = ["x"] }).Arguments);
        Assert.Equal(["/own"], Resolve(new() { Entrypoint = ["/own"] }).Arguments);
        Assert.Equal(["x"], Resolve(new() { Entrypoint = [], Command = ["x"] }).Arguments);
    }

    [Fact]
    public void Environment_is_merged_by_name()
    {
        var environment = Resolve(new() { Environment = new() { ["A"] = "own", ["B"] = "=x=" } }).Environment;
        Assert.Equal(["PATH=/opt", "HOSTNAME=box", "A=own", "B==x="], environment);
    }

    [Fact]
    public void Nonsense_is_refused_by_name()
    {
        Assert.Contains("no command", Refusal(new() { Entrypoint = [] }), StringComparison.Ordinal);
        Assert.Contains("\"SIGNOPE\"", Refusal(new() { StopSignal = "SIGNOPE" }), StringComparison.Ordinal);
        Assert.Contains("\"tmp\" is not absolute", Refusal(new() { WorkingDirectory = "tmp" }), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "", true, false)]
    [InlineData("net_admin", "", true, true)]
    [InlineData("", "CHOWN", false, false)]
    [InlineData("NET_ADMIN", "ALL", false, true)]
    [InlineData("ALL", "CAP_CHOWN", false, true)]
    public void Capabilities_are_added_and_dropped(string add, string drop, bool chown, bool netAdmin)
    {
        var capabilities = BundleConfig.Capabilities(Words(add), Words(drop));
        Assert.Equal((chown, netAdmin), (capabilities.Contains("CAP_CHOWN"), capabilities.Contains("CAP_NET_ADMIN")));
        Assert.Contains("\"FLY\"", Assert.Throws<ContainerException>(() => BundleConfig.Capabilities(["FLY"], [])).Message, StringComparison.Ordinal);
    }

    private static string[] Words(string text) => text.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    private static string Refusal(Said said) => Assert.Throws<ContainerException>(() => Resolve(said)).Message;

    private static ContainerProcess Resolve(Said said) => ContainerProcess.Resolve(
        new ContainerOptions
        {
            Id = "c", Image = new StoredImage(default!, default!, s_image, [], []), Entrypoint = said.Entrypoint, Command = said.Command,
            Environment = said.Environment, WorkingDirectory = said.WorkingDirectory, StopSignal = said.StopSignal,
        }, s_image, "box");

    private sealed record Said
    {
        public string[]? Entrypoint { get; init; }
        public string[]? Command { get; init; }
        public Dictionary<string, string> Environment { get; init; } = [];
        public string WorkingDirectory { get; init; } = "";
        public string StopSignal { get; init; } = "";
    }
}
