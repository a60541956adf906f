using Orchestrator.Compose;
using Xunit;

namespace Orchestrator.Tests.Compose;

/// <summary>Which files are loaded, and which variables they see.</summary>
public sealed class ProjectFileTests
{
    [Theory]
    [InlineData("", "compose.yaml compose.override.yaml")]
    [InlineData("a.yml:b.yml", "a.yml b.yml")]
    public void Without_a_name_it_is_those_of_COMPOSE_FILE_or_the_usual_ones(string variable, string images)
    {
        var files = ComposeFiles.Of([.. Each("compose.yaml", "compose.override.yaml", "docker-compose.yml", "a.yml", "b.yml"), (".env", variable.Length > 0 ? $"COMPOSE_FILE={variable}" : "")]);
        var result = files.Load(r => r with { Files = [] });
        Assert.Equal(images, string.Join(' ', result.Spec!.Services.Select(s => s.Container.Image)));
    }

    [Fact]
    public void The_separator_of_COMPOSE_FILE_can_be_chosen()
    {
        var environment = new Dictionary<string, string> { ["COMPOSE_FILE"] = "a.yml,b.yml", ["COMPOSE_PATH_SEPARATOR"] = "," };
        Assert.Equal(2, ComposeFiles.Of(Each("a.yml", "b.yml")).Load(r => r with { Files = [], Environment = environment }).Spec!.Services.Count);
    }

    [Fact]
    public void The_project_lies_where_the_first_file_of_COMPOSE_FILE_does()
    {
        var result = ComposeFiles.Of(("prod/compose.yaml", "services: { a: { image: 'a:${TAG}', volumes: ['./data:/data'] } }"), (".env", "COMPOSE_FILE=prod/compose.yaml\nTAG=5")).Load();
        Assert.Equal(("prod", "a:5", "/srv/shop/prod/data"), (result.Spec!.Name, result.Spec.Services[0].Container.Image, result.Spec.Services[0].Container.Mounts[0].Source));
    }

    [Fact]
    public void What_is_of_no_place_is_said_of_the_first_file() => Assert.Equal(
        ["first.yaml: the stack has no name; write name: at the top of the file"],
        ComposeFiles.Of(("first.yaml", "services: { a: { image: a } }"), ("over.yaml", "services: { a: { image: b } }")).Load(r => r with { Directory = "/" }).Errors.Select(e => e.ToString()));

    [Fact]
    public void Without_any_file_that_is_said() =>
        Assert.Equal("/srv/shop/compose.yaml: there is no such file; name a compose file", Assert.Single(ComposeFiles.Of(("x.yml", "")).Load(r => r with { Files = [] }).Errors).ToString());

    [Fact]
    public void Named_files_of_variables_take_the_place_of_the_usual_one_and_the_environment_wins()
    {
        var files = ComposeFiles.Of(
            ("compose.yaml", "services: { a: { image: '${A:-}-${B:-}-${C:-}-${D:-}', environment: [D] } }"),
            (".env", "A=usual\nD=usual"), ("one.env", "A=1\nB=1\nC=1"), ("two.env", "B=2\nC=${A}2"));
        Assert.Equal("usual---usual", files.Load().Spec!.Services[0].Container.Image);
        var result = files.Load(r => r with { EnvFiles = ["/srv/shop/one.env", "/srv/shop/two.env"], Environment = new Dictionary<string, string> { ["A"] = "env" } });
        Assert.Equal("env-2-env2-", result.Spec!.Services[0].Container.Image);
    }

    [Fact]
    public void A_named_file_of_variables_has_to_be_there() => Assert.Equal(
        "/srv/shop/none.env: there is no such file",
        Assert.Single(ComposeFiles.Of(("compose.yaml", "services: { a: { image: a } }")).Load(r => r with { EnvFiles = ["/srv/shop/none.env"] }).Errors).ToString());

    [Fact]
    public void The_name_of_a_later_file_wins_and_is_a_variable_in_all_of_them() => Assert.Equal(("two", "two"), Named(
        ComposeFiles.Of(("compose.yaml", "name: one\nservices: { a: { image: '${COMPOSE_PROJECT_NAME}' } }"), ("over.yaml", "name: two")).Load()));

    [Fact]
    public void Text_that_looks_like_something_else_stays_text_when_it_is_printed()
    {
        var text = ComposeFiles.Of(("compose.yaml",
            """
            services:
              a:
                image: "5"
                user: "0x1F"
                command: ["true", "null", "~", "1e3", "yes", "a: b", "# no comment", " spaces ", "", "$$HOME", "a\nb\t", "é", "'", "- x", "{}", "*a", "<<", "12:30:45", "a\rb", "a\r\nb\n", "a\Nb", "a\Lb\Pc"]
                environment: { A: "no", B: 5, C: true, D: "$$x${E:-e}" }
                x-own: { keep: [me] }
            """)).Resolved();
        Assert.Contains("x-own:\n      keep:\n        - me\n", text, StringComparison.Ordinal);
        Assert.Contains("D: $$xe\n", text, StringComparison.Ordinal);
        Assert.Contains("C: true\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_printed_needs_no_other_file_and_nothing_of_the_environment()
    {
        var files = ComposeFiles.Of(
            ("compose.yaml",
                """
                services:
                  a:
                    image: a
                    profiles: [asked]
                    env_file: { path: ~/a.env }
                    environment: [SET, UNSET, OWN=1]
                    label_file: ~/labels.env
                    labels: { own: "1" }
                  b: { image: b, environment: { SET: , UNSET: } }
                """),
            ("over.yaml", "services: { a: { env_file: [{ path: b.env, required: false }] } }"),
            ("/home/me/a.env", "PRICE='$5'\nOWN=2"), ("b.env", "B=2"), ("/home/me/labels.env", "from=file"));
        var result = files.Load(r => r with { Profiles = ["asked"], Environment = new Dictionary<string, string> { ["HOME"] = "/home/me", ["SET"] = "s" } });
        var text = result.Document!.ToYaml();
        Assert.Equal(
            """
            name: shop
            services:
              a:
                image: a
                environment:
                  B: "2"
                  OWN: "1"
                  PRICE: $$5
                  SET: s
                labels:
                  from: file
                  own: "1"
              b:
                image: b
                environment:
                  SET: s

            """, text);
        Assert.Equal(result.Spec, ComposeFiles.Of(("one.yaml", text)).Load().Spec);
    }

    private static (string, string) Named(ComposeResult result) => (result.Spec!.Name, result.Spec.Services[0].Container.Image);

    private static IEnumerable<(string, string)> Each(params string[] files) =>
        files.Select((f, i) => (f, $"services: {{ s{i}: {{ image: {f} }} }}"));
}
