using System.Text;
using System.Text.Json;
using Orchestrator.Oci;
using Xunit;

namespace Orchestrator.Tests.Oci;

public sealed class ImageConfigTests
{
    [Fact]
    public void A_config_by_docker_is_read_with_its_unknown_fields_and_nulls()
    {
        var config = Parse("""
            {"architecture":"amd64","os":"linux","container":"f00","docker_version":"20.10","created":"2024-05-01T10:11:12.123456789Z",
             "config":{"Hostname":"","Env":["A=b"],"Cmd":null,"Entrypoint":["/e"],"Volumes":{"/data":{}},"ExposedPorts":{"80/tcp":{}},"OnBuild":null,
                       "Healthcheck":{"Test":["CMD-SHELL","true"],"Interval":30000000000,"Retries":3},"StopSignal":"SIGQUIT","Labels":null},
             "history":[{"created_by":"x","empty_layer":true}],
             "rootfs":{"type":"layers","diff_ids":["sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"]}}
            """);
        Assert.Equal(["/e"], config.Entrypoint);
        Assert.Empty(config.Cmd);
        Assert.Empty(config.Labels);
        Assert.Equal(["/data"], config.Volumes);
        Assert.Equal(["80/tcp"], config.ExposedPorts);
        Assert.Equal("SIGQUIT", config.StopSignal);
        Assert.Equal(30_000_000_000, config.Healthcheck!.Interval);
        Assert.Single(config.DiffIds);
    }

    [Theory]
    [InlineData("sha256:xyz")]
    [InlineData("md5:0123456789abcdef0123456789abcdef")]
    [InlineData("sha256:../../../../etc/passwd0123456789abcdef0123456789abcdef01234567")]
    public void A_bad_digest_is_refused(string digest)
    {
        var error = Assert.Throws<JsonException>(() => Parse($$$"""{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["{{{digest}}}"]}}"""));
        Assert.Contains("expected a digest", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_index_gives_the_exact_platform_then_a_compatible_one()
    {
        var index = new ImageIndex
        {
            Manifests = [Entry('0', "unknown", "unknown", null), Entry('1', "linux", "arm", "v6"), Entry('2', "linux", "arm", "v7"), Entry('3', "linux", "amd64", null)],
        };
        Assert.Equal('2', index.Choose(Platform.Parse("linux/arm/v7"))!.Digest.Hex[0]);
        Assert.Equal('1', index.Choose(Platform.Parse("linux/arm"))!.Digest.Hex[0]);
        Assert.Equal('3', index.Choose(Platform.Parse("linux/amd64"))!.Digest.Hex[0]);
        Assert.Null(index.Choose(Platform.Parse("linux/s390x")));
        Assert.Equal(3, index.Platforms.Count);
    }

    private static Descriptor Entry(char digit, string os, string architecture, string? variant) => new()
    {
        MediaType = MediaTypes.OciManifest,
        Digest = Digest.Parse("sha256:" + new string(digit, 64)),
        Size = 1,
        Platform = new PlatformDescription { Os = os, Architecture = architecture, Variant = variant },
    };

    private static ImageConfig Parse(string json) => JsonSerializer.Deserialize(Encoding.UTF8.GetBytes(json), OciJson.Default.ImageConfig)!;
}
