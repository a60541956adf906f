using Xunit;

namespace Orchestrator.Tests.Compose;

/// <summary>compose-spec 14-include.md.</summary>
public sealed class IncludeTests
{
    [Fact]
    public void An_included_project_brings_all_it_has_and_keeps_its_directory_and_variables() => ComposeFiles.Of(
        ("compose.yaml", "include: [db/compose.yaml]\nservices: { web: { image: 'w:${TAG:-none}', depends_on: [db] } }"),
        ("db/compose.yaml", "name: other\nservices: { db: { image: 'db:${TAG}', volumes: ['data:/data', './conf:/conf'], networks: [back], environment: [TAG] } }\nvolumes: { data: }\nnetworks: { back: }"),
        ("db/.env", "TAG=16"))
        .Become(
            """
            name: shop
            services:
              web:
                image: "w:none"
                depends_on:
                  - db
              db:
                image: "db:16"
                volumes:
                  - "data:/data"
                  - "/srv/shop/db/conf:/conf"
                networks:
                  - back
                environment:
                  - TAG=16
            networks:
              back: null
            volumes:
              data: null

            """);

    [Fact]
    public void The_variables_of_the_including_project_win() => Assert.Equal("db:local", Spec(
        ("compose.yaml", "include: [db/compose.yaml]"), (".env", "TAG=local"),
        ("db/compose.yaml", "services: { db: { image: 'db:${TAG}' } }"), ("db/.env", "TAG=16")).Services[0].Container.Image);

    [Fact]
    public void A_long_include_may_have_several_files_another_directory_and_other_variables()
    {
        var db = Spec(
            ("compose.yaml", "include: [{ path: [db/a.yaml, db/b.yaml], project_directory: elsewhere, env_file: [one.env, two.env] }]"),
            ("db/a.yaml", "services: { db: { image: '${A}${B}', volumes: ['./x:/x'] } }"), ("db/b.yaml", "services: { db: { user: '5' } }"),
            ("one.env", "A=1\nB=1"), ("two.env", "B=2")).Services[0].Container;
        Assert.Equal(("12", "5", "/srv/shop/elsewhere/x"), (db.Image, db.User, db.Mounts[0].Source));
    }

    [Fact]
    public void Includes_go_on_and_the_same_file_by_two_ways_is_there_once()
    {
        var result = ComposeFiles.Of(
            ("compose.yaml", "include: [a/x.yaml, b/x.yaml]"), ("a/x.yaml", "include: [../c/x.yaml]\nservices: { a: { image: a } }"),
            ("b/x.yaml", "include: [../c/x.yaml]\nservices: { b: { image: b } }"), ("c/x.yaml", "services: { c: { image: c } }")).Load();
        Assert.Equal(["c", "a", "b"], result.Spec!.Services.Select(s => s.Name).Order(Comparer<string>.Create((x, y) => x == "c" ? -1 : y == "c" ? 1 : string.CompareOrdinal(x, y))));
        Assert.Empty(result.Warnings);
    }

    [Fact]
    public void Of_a_name_that_both_have_the_including_file_wins_and_says_so()
    {
        var result = ComposeFiles.Of(
            ("compose.yaml", "include: [db/x.yaml]\nservices:\n  db: { image: mine, cap_add: [CHOWN] }"),
            ("db/x.yaml", "services:\n  db: { image: theirs, user: '5', cap_add: [KILL] }")).Load();
        var db = Assert.Single(result.Spec!.Services).Container;
        Assert.Equal(("mine", "5"), (db.Image, db.User));
        Assert.Equal(["KILL", "CHOWN"], db.CapAdd);
        Assert.Equal("compose.yaml:3: services.db: is also at /srv/shop/db/x.yaml:2, which is included; what is written here wins", Assert.Single(result.Warnings).ToString());
    }

    [Fact]
    public void A_service_extends_one_that_is_included() => Assert.Equal("db", Spec(
        ("compose.yaml", "include: [db/x.yaml]\nservices: { mine: { extends: db } }"), ("db/x.yaml", "services: { db: { image: db } }")).Services.Single(s => s.Name == "mine").Container.Image);

    [Fact]
    public void A_relative_path_may_be_read_from_another_directory_than_the_messages_file() => Assert.Equal(
        ["/srv/shop/db/x.yaml:1: services.db.env_file: got \"no.env\", but there is no /srv/shop/db/no.env; write required: false beside path: if it may be missing"],
        Errors(("compose.yaml", "include: [db/x.yaml]"), ("db/x.yaml", "services: { db: { image: db, env_file: no.env } }")));

    [Theory]
    [InlineData("[compose.yaml]", "compose.yaml:1: include[0]: include goes round in a ring: /srv/shop/compose.yaml -> /srv/shop/compose.yaml; take one of them out")]
    [InlineData("[a/x.yaml]", "/srv/shop/a/x.yaml:1: include[0]: include goes round in a ring: /srv/shop/compose.yaml -> /srv/shop/a/x.yaml -> /srv/shop/compose.yaml; take one of them out")]
    [InlineData("[none.yaml]", "/srv/shop/none.yaml: there is no such file")]
    [InlineData("[{ path: db.yaml, env_file: none.env }]", "compose.yaml:1: include[0]: there is no /srv/shop/none.env")]
    [InlineData("[{ env_file: a.env }]", "compose.yaml:1: include[0]: names no file; write path: and a compose file")]
    [InlineData("db.yaml", "compose.yaml:1: include: got \"db.yaml\"; expected a list of compose files")]
    public void What_cannot_be_included_is_named(string include, string message) => Assert.Contains(message, Errors(
        ("compose.yaml", $"include: {include}\nservices: {{ a: {{ image: a }} }}"), ("a/x.yaml", "include: [../compose.yaml]")));

    [Theory]
    [InlineData("servces: { b: { image: b } }", "/srv/shop/b.yml:1: servces: unknown key \"servces\"; did you mean \"services\"?")]
    [InlineData("x-orc-strategie: spread", "/srv/shop/b.yml:1: x-orc-strategie: unknown key")]
    [InlineData("models: { m: { model: m } }", "/srv/shop/b.yml:1: models: the key \"models\" is not supported")]
    [InlineData("services: [b]", "/srv/shop/b.yml:1: services: got a list; expected a mapping")]
    [InlineData("volumes: [b]", "/srv/shop/b.yml:1: volumes: got a list; expected a mapping")]
    public void An_included_file_is_refused_for_what_any_file_is(string text, string message) => Assert.Contains(
        Errors(("compose.yaml", "include: [b.yml]\nservices: { a: { image: a } }"), ("b.yml", text)), e => e.StartsWith(message, StringComparison.Ordinal));

    [Fact]
    public void Keys_of_ones_own_stay_with_the_included_file() => Assert.Equal(["a", "b"], Spec(
        ("compose.yaml", "include: [b.yml]\nservices: { a: { image: a } }"), ("b.yml", "name: b\nversion: '3'\nx-own: 1\nvolumes:\nservices: { b: { image: b } }")).Services.Select(s => s.Name));

    [Fact]
    public void Files_that_include_more_and_more_are_refused()
    {
        var files = Enumerable.Range(0, 12).Select(i => ($"{i}/x.yaml", $"include: [../{i + 1}/x.yaml, ../{i + 1}/x.yaml]"));
        Assert.Contains(Errors([("compose.yaml", "include: [0/x.yaml]"), .. files, ("12/x.yaml", "services: { a: { image: a } }")]), e => e.Contains("more than 256 files", StringComparison.Ordinal));
    }

    private static Orchestrator.Model.StackSpec Spec(params (string, string)[] files)
    {
        var result = ComposeFiles.Of(files).Load();
        Assert.Empty(result.Errors);
        return result.Spec!;
    }

    private static List<string> Errors(params (string, string)[] files) => [.. ComposeFiles.Of(files).Load().Errors.Select(e => e.ToString())];
}
