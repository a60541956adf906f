using Xunit;

namespace Orchestrator.Tests.Compose;

/// <summary>compose-spec 05-services.md, "extends".</summary>
public sealed class ExtendsTests
{
    [Fact]
    public void A_service_begins_as_another_and_its_own_values_win() => ComposeFiles.Of(
        ("compose.yaml",
            """
            services:
              base: { image: a, user: "1", cap_add: [KILL], environment: { A: 1, B: 1 }, command: [x] }
              middle: { extends: base, environment: [B=2], cap_add: [CHOWN] }
              web: { extends: { service: middle }, image: c, command: [y], environment: { C: 3 } }
            """))
        .Become(
            """
            name: shop
            services:
              base:
                image: a
                user: "1"
                cap_add:
                  - KILL
                environment:
                  A: 1
                  B: 1
                command:
                  - x
              middle:
                image: a
                user: "1"
                cap_add:
                  - KILL
                  - CHOWN
                environment:
                  A: 1
                  B: "2"
                command:
                  - x
              web:
                image: c
                user: "1"
                cap_add:
                  - KILL
                  - CHOWN
                environment:
                  A: 1
                  B: "2"
                  C: 3
                command:
                  - y

            """);

    [Fact]
    public void Of_another_file_only_the_service_is_taken_and_its_paths_begin_there() => ComposeFiles.Of(
        ("compose.yaml", "services: { web: { extends: { file: lib/base.yaml, service: base }, volumes: ['./own:/own'] } }"),
        ("lib/base.yaml", "services: { base: { extends: other, volumes: ['./data:/data'], env_file: a.env }, other: { image: x }, not-taken: { image: y } }\nnetworks: { not-taken: }"),
        ("lib/a.env", "FROM=lib"))
        .Become(
            """
            name: shop
            services:
              web:
                image: x
                volumes:
                  - "/srv/shop/lib/data:/data"
                  - "/srv/shop/own:/own"
                environment:
                  FROM: lib

            """);

    [Fact]
    public void A_network_that_the_other_file_defines_has_to_be_defined_here() => Assert.Equal(
        ["/srv/shop/lib/base.yaml:4: services.web.networks[0]: there is no network \"back\"; declare it under networks: at the top level"],
        Errors(
            ("compose.yaml", "services: { web: { extends: { file: lib/base.yaml, service: base } } }"),
            ("lib/base.yaml", "services:\n  base:\n    image: x\n    networks: [back]\nnetworks: { back: }")));

    [Fact]
    public void Reset_and_override_hold_for_the_base_and_for_earlier_files() => ComposeFiles.Of(
        ("compose.yaml", "services: { web: { image: w, user: '1', cap_add: [FOWNER] }, base: { image: b, user: '2', cap_add: [CHOWN] } }"),
        ("over.yaml", "services: { web: { extends: base, user: !reset '', cap_add: !override [MKNOD] }, base: { image: b2, user: '3' } }"))
        .Become(
            """
            name: shop
            services:
              web:
                image: b2
                cap_add:
                  - MKNOD
              base:
                image: b2
                user: "3"
                cap_add:
                  - CHOWN

            """);

    [Fact]
    public void Nothing_after_extends_is_as_good_as_not_written() => ComposeFiles.Of(("compose.yaml", "services: { a: { image: a, extends: } }"))
        .Become("name: shop\nservices:\n  a:\n    image: a\n");

    [Fact]
    public void What_the_base_resets_is_not_taken_from_who_extends_it() => ComposeFiles.Of(
        ("compose.yaml", "services: { base: { image: a, cap_add: !reset [] }, web: { extends: base, cap_add: [KILL] } }"))
        .Become("name: shop\nservices:\n  base:\n    image: a\n  web:\n    image: a\n    cap_add:\n      - KILL\n");

    [Theory]
    [InlineData("extends: nobody", "services.web.extends: there is no service \"nobody\" in compose.yaml; there are web, b, c")]
    [InlineData("extends: { service: nobody, file: lib/base.yaml }", "services.web.extends: there is no service \"nobody\" in /srv/shop/lib/base.yaml; there are base")]
    [InlineData("extends: { file: lib/base.yaml }", "services.web.extends: names no service; write service: and its name")]
    [InlineData("extends: { servise: b }", "services.web.extends.servise: unknown key \"servise\"; did you mean \"service\"?")]
    [InlineData("extends: [b]", "services.web.extends: got a list; expected the name of a service, or a mapping with service and file")]
    [InlineData("extends: b", "services.b.extends: extends goes round in a ring: b -> c -> b; take one of them out")]
    public void What_cannot_be_extended_is_named(string extends, string message) => Assert.Contains($"compose.yaml:1: {message}", Errors(
        ("compose.yaml", $"services: {{ web: {{ image: x, {extends} }}, b: {{ image: x, extends: c }}, c: {{ image: x, extends: b }} }}"),
        ("lib/base.yaml", "services: { base: { image: x } }")));

    [Fact]
    public void A_missing_file_is_named() => Assert.Equal(
        ["/srv/shop/lib/none.yaml: there is no such file"],
        Errors(("compose.yaml", "services: { web: { extends: { service: a, file: lib/none.yaml } } }")).Where(e => !e.Contains("has no image", StringComparison.Ordinal)));

    [Fact]
    public void Files_that_extend_each_other_in_a_ring_are_refused() => Assert.Contains(
        Errors(
            ("compose.yaml", "services: { web: { extends: { service: a, file: lib/a.yaml } } }"),
            ("lib/a.yaml", "services: { a: { extends: { service: b, file: b.yaml } } }"),
            ("lib/b.yaml", "services: { b: { extends: { service: a, file: a.yaml } } }")),
        e => e.Contains("extends goes round in a ring", StringComparison.Ordinal));

    private static List<string> Errors(params (string, string)[] files) => [.. ComposeFiles.Of(files).Load().Errors.Select(e => e.ToString())];
}
