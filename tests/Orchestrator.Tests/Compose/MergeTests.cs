using Xunit;

namespace Orchestrator.Tests.Compose;

/// <summary>Several files laid over each other: compose-spec 13-merge.md. Each case is what the files become as one.</summary>
public sealed class MergeTests
{
    [Fact]
    public void Mappings_are_merged_and_single_values_replaced() => ComposeFiles.Of(
        ("compose.yaml", "services: { web: { image: a, deploy: { replicas: 1, labels: [a=1] } }, db: { image: b } }"),
        ("over.yaml", "services: { web: { image: c, user: '5', deploy: { replicas: 3 } }, more: { image: d } }"))
        .Become(
            """
            name: shop
            services:
              web:
                image: c
                deploy:
                  replicas: 3
                  labels:
                    - a=1
                user: "5"
              db:
                image: b
              more:
                image: d

            """);

    [Fact]
    public void Lists_are_appended_to_and_the_same_item_is_not_there_twice() => Service(
        "cap_add: [KILL, CHOWN], dns: 1.1.1.1, tmpfs: /run, env_file: a.env",
        "cap_add: [CHOWN, MKNOD], dns: [2.2.2.2, 1.1.1.1], tmpfs: ['/run:size=1m', /tmp], env_file: [b.env]",
        """
        cap_add:
          - KILL
          - CHOWN
          - MKNOD
        dns:
          - 1.1.1.1
          - 2.2.2.2
        tmpfs:
          - "/run:size=1m"
          - /tmp
        environment:
          A: "1"
          B: "1"
        """);

    [Fact]
    public void Command_entrypoint_and_the_test_of_a_healthcheck_are_replaced() => Service(
        "command: [a, b], entrypoint: [c], healthcheck: { test: [CMD, a], retries: 3 }",
        "command: d, entrypoint: [e, f], healthcheck: { test: b, interval: 5s }",
        """
        command: d
        entrypoint:
          - e
          - f
        healthcheck:
          test: b
          retries: 3
          interval: 5s
        """);

    [Fact]
    public void Pairs_are_merged_by_their_key_in_whichever_form_they_are_written() => Service(
        "environment: [A=1, B=2, C], labels: { a: 1, b: 2 }, sysctls: { net.core.somaxconn: 1 }, annotations: [a=1]",
        "environment: { B: 3, D: 'x=y' }, labels: [b=3, c], sysctls: [net.core.somaxconn=2], annotations: { a: 2 }",
        """
        environment:
          A: "1"
          B: 3
          D: x=y
        labels:
          a: 1
          b: "3"
          c: null
        sysctls:
          net.core.somaxconn: "2"
        annotations:
          a: 2
        """);

    [Fact]
    public void Networks_and_dependencies_are_merged_by_their_name() => Service(
        "networks: [default, back], depends_on: [b]",
        "networks: { back: { aliases: [x] } }, depends_on: { b: { condition: service_healthy } }",
        """
        networks:
          default: null
          back:
            aliases:
              - x
        depends_on:
          b:
            condition: service_healthy
        """);

    [Fact]
    public void Volumes_and_devices_are_unique_by_their_target() => Service(
        "volumes: ['data:/data', './a:/a:ro'], devices: ['/dev/sda:/dev/x', /dev/fuse]",
        "volumes: ['./b:/a', { type: tmpfs, target: /data }], devices: ['/dev/sdb:/dev/x:r', '/dev/fuse:r']",
        """
        volumes:
          - type: tmpfs
            target: /data
          - "/srv/shop/b:/a"
        devices:
          - "/dev/sdb:/dev/x:r"
          - "/dev/fuse:r"
        """);

    [Fact]
    public void Ports_are_unique_by_address_published_target_and_protocol() => Service(
        "ports: ['8080:80', '53:53/udp', '127.0.0.1:9000:9000']",
        "ports: [{ target: 80, published: '8080', mode: host }, '53:53', '127.0.0.2:9000:9000']",
        """
        ports:
          - target: 80
            published: "8080"
            mode: host
          - "53:53/udp"
          - "127.0.0.1:9000:9000"
          - "53:53"
          - "127.0.0.2:9000:9000"
        """);

    [Fact]
    public void Secrets_and_configs_are_unique_by_their_target() => Assert.Contains(
        """
            secrets:
              - source: z
                target: a
              - source: y
                target: /etc/b
            configs:
              - source: d
                target: /c
              - e

        """,
        ComposeFiles.Of(
            ("compose.yaml", "services: { web: { secrets: [a, { source: b, target: /etc/b }], configs: [c] } }"),
            ("over.yaml", "services: { web: { secrets: [{ source: z, target: a }, { source: y, target: /etc/b }], configs: [{ source: d, target: /c }, e] } }")).Merged(),
        StringComparison.Ordinal);

    [Fact]
    public void Options_of_logging_are_merged_only_for_the_same_driver()
    {
        Service("logging: { driver: local, options: { max-size: 1m } }", "logging: { options: { max-file: 2 } }",
            """
            logging:
              driver: local
              options:
                max-size: 1m
                max-file: 2
            """);
        Service("logging: { driver: syslog, options: { syslog-address: x } }", "logging: { driver: local, options: { max-file: 2 } }",
            """
            logging:
              driver: local
              options:
                max-file: 2
            """);
    }

    [Fact]
    public void Ulimits_are_replaced_by_their_name_and_extra_hosts_appended_to() => Service(
        "ulimits: { nofile: { soft: 1, hard: 2 }, core: 0 }, extra_hosts: { a: 10.0.0.1 }",
        "ulimits: { nofile: 5 }, extra_hosts: ['b:10.0.0.2', 'a=10.0.0.1']",
        """
        ulimits:
          nofile: 5
          core: 0
        extra_hosts:
          - a=10.0.0.1
          - "b:10.0.0.2"
        """);

    [Fact]
    public void What_is_null_changes_nothing() => Service("user: '5', cap_add: [KILL]", "user: , cap_add: ",
        """
        user: "5"
        cap_add:
          - KILL
        """);

    [Fact]
    public void Over_a_key_with_nothing_after_it_the_later_value_counts() => Service(
        "environment: , labels: , networks: , depends_on: , sysctls: , annotations: , dns: , tmpfs: , deploy: ",
        "environment: { A: 1 }, labels: [a=1], networks: [back], depends_on: [b], sysctls: { net.core.somaxconn: 1 }, annotations: { a: 1 }, dns: 1.1.1.1, tmpfs: [/run], deploy: { replicas: 2 }",
        """
        environment:
          A: 1
        labels:
          - a=1
        networks:
          - back
        depends_on:
          - b
        sysctls:
          net.core.somaxconn: 1
        annotations:
          a: 1
        dns: 1.1.1.1
        tmpfs:
          - /run
        deploy:
          replicas: 2
        """);

    [Theory]
    [InlineData("environment: { DEBUG: '0' }", "environment: [DEBUG]")]
    [InlineData("environment: [DEBUG=0]", "environment: { DEBUG: }")]
    public void A_variable_that_a_later_file_passes_on_is_passed_on(string before, string after) => Assert.Equal("passed",
        Files(before, after).Load(r => r with { Environment = new Dictionary<string, string> { ["DEBUG"] = "passed" } }).Spec!.Services[0].Container.Environment["DEBUG"]);

    [Fact]
    public void Nothing_after_a_command_a_label_or_a_test_goes_back_to_what_is_without()
    {
        var container = Files("command: [a], entrypoint: [b], labels: { a: 1, b: 2 }, healthcheck: { test: c, retries: 3 }", "command: , entrypoint: null, labels: { a: }, healthcheck: { test: null }")
            .Load().Spec!.Services[0].Container;
        Assert.False(container.CommandSet || container.EntrypointSet);
        Assert.Equal(("", "2"), (container.Labels["a"], container.Labels["b"]));
        Assert.Empty(container.Healthcheck.Test);
        Assert.Equal(3, container.Healthcheck.Retries);
    }

    [Fact]
    public void Reset_takes_away_and_override_replaces_the_whole() => Service(
        "ports: ['8080:80'], user: '5', environment: { A: 1, B: 2 }, labels: { a: 1 }, cap_add: [KILL]",
        "ports: !reset [], user: !reset null, environment: { A: !reset null }, labels: !override { b: 2 }, cap_add: !override [CHOWN]",
        """
        environment:
          B: 2
        labels:
          b: 2
        cap_add:
          - CHOWN
        """);

    [Fact]
    public void Marks_mean_the_same_in_the_only_file() => ComposeFiles.Of(
        ("compose.yaml", "services: { web: { image: a, user: !reset '5', labels: !override { b: 2 } } }"))
        .Become("name: shop\nservices:\n  web:\n    image: a\n    labels:\n      b: 2\n");

    [Fact]
    public void A_subnet_is_the_key_of_an_ipam_config() => ComposeFiles.Of(
        ("compose.yaml", "services: { web: { image: a } }\nnetworks: { back: { ipam: { config: [{ subnet: 10.1.0.0/16 }] }, labels: [a=1] } }"),
        ("over.yaml", "networks: { back: { ipam: { config: [{ subnet: 10.1.0.0/16 }] }, labels: { a: 2 } } }"))
        .Become(
            """
            name: shop
            services:
              web:
                image: a
            networks:
              back:
                ipam:
                  config:
                    - subnet: 10.1.0.0/16
                labels:
                  a: 2

            """);

    [Fact]
    public void Messages_name_the_file_and_line_that_each_value_came_from()
    {
        var result = ComposeFiles.Of(
            ("compose.yaml", "services:\n  web:\n    image: a\n    user: 5\n    ports: [x]\n"),
            ("over.yaml", "services:\n  web:\n    ports:\n      - y\n    environment:\n      A: [1]\n    wrong: 1\nnetworks: { n: { driver: none } }\n")).Load();
        Assert.Equal(
            [
                "compose.yaml:4: services.web.user: got a number, \"5\"; expected a user such as \"1000\", \"1000:1000\" or \"www-data\": put it in quotes",
                "compose.yaml:5: services.web.ports[0]: got \"x\"; expected [IP:][PUBLISHED:]TARGET[/tcp|/udp] with ports from 1 to 65535 or ranges such as 8000-8010:8000-8010",
                "over.yaml:4: services.web.ports[1]: got \"y\"; expected [IP:][PUBLISHED:]TARGET[/tcp|/udp] with ports from 1 to 65535 or ranges such as 8000-8010:8000-8010",
                "over.yaml:6: services.web.environment.A: got a list; expected text, a number or a boolean",
                "over.yaml:7: services.web.wrong: unknown key \"wrong\": a service has no such key in the Compose specification; keys of one's own begin with x-",
                "over.yaml:8: networks.n.driver: got \"none\"; expected overlay or bridge",
            ], result.Errors.Select(e => e.ToString()));
    }

    [Fact]
    public void Values_of_kinds_that_do_not_go_together_are_refused_at_both_places() => Assert.Equal(
        ["over.yaml:1: services.web.deploy: got text, which cannot be merged with a mapping at compose.yaml:1; write both in the same form, or !override before this one"],
        ComposeFiles.Of(("compose.yaml", "services: { web: { image: a, deploy: { replicas: 1 } } }"), ("over.yaml", "services: { web: { deploy: x } }")).Load()
            .Errors.Select(e => e.ToString()));

    [Theory]
    [InlineData("environment: x", "environment: y", "got \"y\"; expected a mapping (KEY: value) or a list (- KEY=value)")]
    [InlineData("labels: x", "labels: y", "got \"y\"; expected a mapping (KEY: value) or a list (- KEY=value)")]
    [InlineData("depends_on: x", "depends_on: y", "got \"y\"; expected a list of services, or a mapping of services to conditions")]
    [InlineData("networks: x", "networks: y", "got \"y\"; expected ")]
    [InlineData("labels: x", "labels: [a=1]", "got a list, which cannot be merged with text at compose.yaml:1; ")]
    [InlineData("labels: [a=1]", "labels: x", "got text, which cannot be merged with a list at compose.yaml:1; ")]
    [InlineData("labels: [{ a: 1 }]", "labels: { a: 1 }", "got a mapping, which cannot be merged with a list at compose.yaml:1; ")]
    public void A_value_of_a_kind_that_the_key_never_has_is_named(string before, string after, string message)
    {
        string[][] ways =
        [
            Errors(("compose.yaml", $"services: {{ web: {{ image: a, {before} }} }}"), ("over.yaml", $"services: {{ web: {{ {after} }} }}")),
            Errors(("compose.yaml", $"services: {{ web: {{ extends: base, {after} }}, base: {{ image: a, {before} }} }}")),
        ];
        foreach (var errors in ways)
            Assert.Contains(errors, e => e.Contains(message, StringComparison.Ordinal));
    }

    private static string[] Errors(params (string, string)[] files) => [.. ComposeFiles.Of(files).Load().Errors.Select(e => e.ToString())];

    private static void Service(string before, string after, string expected)
    {
        var files = Files(before, after);
        var indented = string.Concat(expected.Split('\n').Select(l => $"    {l}\n"));
        Assert.Contains($"  web:\n    image: a\n{indented}", files.Resolved(), StringComparison.Ordinal);
    }

    private static ComposeFiles Files(string before, string after) => ComposeFiles.Of(
        ("compose.yaml", $"services: {{ web: {{ image: a, {before} }}, b: {{ image: b }} }}\nvolumes: {{ data: }}\nnetworks: {{ back: }}"),
        ("over.yaml", $"services: {{ web: {{ {after} }} }}"),
        ("a.env", "A=1"), ("b.env", "B=1"));
}
