using CsCheck;
using Orchestrator.Oci;
using Xunit;

namespace Orchestrator.Tests.Oci;

public sealed class ImageReferenceTests
{
    private const string Hex = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    [Theory]
    [InlineData("redis", "docker.io/library/redis:latest")]
    [InlineData("redis:7", "docker.io/library/redis:7")]
    [InlineData("bitnami/redis", "docker.io/bitnami/redis:latest")]
    [InlineData("docker.io/redis", "docker.io/library/redis:latest")]
    [InlineData("index.docker.io/redis", "docker.io/library/redis:latest")]
    [InlineData("localhost/redis", "localhost/redis:latest")]
    [InlineData("localhost:5000/redis", "localhost:5000/redis:latest")]
    [InlineData("127.0.0.1:5000/a/b/c:v1.2_x-y", "127.0.0.1:5000/a/b/c:v1.2_x-y")]
    [InlineData("[::1]:5000/redis", "[::1]:5000/redis:latest")]
    [InlineData("ghcr.io/owner/name__x--y@sha256:" + Hex, "ghcr.io/owner/name__x--y@sha256:" + Hex)]
    [InlineData("redis:7@sha256:" + Hex, "docker.io/library/redis:7@sha256:" + Hex)]
    public void A_reference_is_normalised_as_docker_does(string text, string canonical) =>
        Assert.Equal(canonical, ImageReference.Parse(text).ToString());

    [Theory]
    [InlineData("", "the repository is empty")]
    [InlineData("localhost:5000/", "the repository is empty")]
    [InlineData("Redis", "\"Redis\" is not a repository")]
    [InlineData("redis:", "\"\" is not a tag")]
    [InlineData("redis:a b", "\"a b\" is not a tag")]
    [InlineData("redis@sha256:12", "\"sha256:12\" after @ is not a digest")]
    [InlineData("redis@sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef", "is not a digest")]
    [InlineData("a..b/c", "is not a registry")]
    [InlineData("x/../y", "is not a repository")]
    [InlineData("redis\n", "is not a repository")]
    [InlineData("https://docker.io/redis", "is not a")]
    public void What_is_no_reference_is_refused_by_name(string text, string why)
    {
        var error = Assert.Throws<FormatException>(() => ImageReference.Parse(text));
        Assert.Contains($"image reference \"{text}\"", error.Message, StringComparison.Ordinal);
        Assert.Contains(why, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_canonical_form_means_the_same()
    {
        var name = Gen.String[Gen.Char["ab01"], 1, 5];
        Gen.Select(Gen.OneOf("", "localhost/", "r.example:5000/", "UPPER/"), name.Array[1, 3], Gen.OneOf(Gen.Const(""), name.Select(t => ":" + t)), Gen.OneOf("", "@sha256:" + Hex))
            .Select((registry, parts, tag, digest) => registry + string.Join('/', parts) + tag + digest)
            .Sample(text => ImageReference.Parse(ImageReference.Parse(text).ToString()) == ImageReference.Parse(text));
    }

    [Fact]
    public void Any_text_is_parsed_or_refused() =>
        Gen.String[Gen.Char["aZ0/:@._-[] sh256"], 0, 20].Sample(text => ImageReference.TryParse(text, out _, out var error) || error!.Length > 0);
}
