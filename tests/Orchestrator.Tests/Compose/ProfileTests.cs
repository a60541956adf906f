using Orchestrator.Compose;
using Xunit;

namespace Orchestrator.Tests.Compose;

/// <summary>compose-spec 15-profiles.md.</summary>
public sealed class ProfileTests
{
    private static readonly ComposeFiles s_files = ComposeFiles.Of(("compose.yaml",
        """
        services:
          always: { image: a, depends_on: { debugger: { condition: service_started, required: false } } }
          debugger: { image: b, profiles: [debug, all], ports: ["80:80"] }
          tester: { image: c, profiles: [test], ports: ["80:80"], depends_on: [always] }
        """));

    [Theory]
    [InlineData("", "always")]
    [InlineData("debug", "always debugger")]
    [InlineData("test", "always tester")]
    [InlineData("unknown", "always")]
    public void A_service_with_profiles_is_there_when_one_is_asked_for(string profile, string services)
    {
        Assert.Equal(services, Names(s_files.Load(r => r with { Profiles = profile.Length == 0 ? [] : [profile] })));
        Assert.Equal(services, Names(s_files.Load(r => r with { Environment = new Dictionary<string, string> { ["COMPOSE_PROFILES"] = profile } })));
    }

    [Fact]
    public void Several_profiles_are_asked_for_together_and_a_star_for_all()
    {
        var files = ComposeFiles.Of(("compose.yaml", "services: { a: { image: a, profiles: [x] }, b: { image: b, profiles: [y] }, c: { image: c, profiles: [z] } }"), (".env", "COMPOSE_PROFILES=y, z"));
        Assert.Equal("b c", Names(files.Load()));
        Assert.Equal("a b c", Names(files.Load(r => r with { Profiles = ["x"] })));
        Assert.Equal("a b c", Names(files.Load(r => r with { Profiles = ["*"] })));
        Assert.Equal(["x", "y", "z"], files.Load().Document!.Profiles);
    }

    [Fact]
    public void An_inactive_service_that_another_needs_is_an_error_unless_it_is_not_required()
    {
        var error = Assert.Single(ComposeFiles.Of(("compose.yaml", "services:\n  a: { image: a, depends_on: [b] }\n  b: { image: b, profiles: [x] }")).Load().Errors);
        Assert.Equal("compose.yaml:2: services.a.depends_on[0]: the service \"b\" is not active, as nobody asked for one of its profiles; ask for one, or write required: false", error.ToString());
        Assert.Empty(s_files.Load().Spec!.Services.Single(s => s.Name == "always").DependsOn);
    }

    [Fact]
    public void Without_an_active_service_there_is_no_stack() => Assert.Equal(
        "compose.yaml:1: services: no service is active, as all have profiles; ask for one: x, y",
        Assert.Single(ComposeFiles.Of(("compose.yaml", "services: { a: { image: a, profiles: [y, x] } }")).Load().Errors).ToString());

    [Fact]
    public void Profiles_of_files_laid_over_each_other_add_up() => Assert.Equal("a", Names(
        ComposeFiles.Of(("compose.yaml", "services: { a: { image: a, profiles: [x] } }"), ("over.yaml", "services: { a: { profiles: [y] } }")).Load(r => r with { Profiles = ["y"] })));

    private static string Names(ComposeResult result) => string.Join(' ', result.Spec!.Services.Select(s => s.Name));
}
