using System.Text;
using System.Text.Json;
using Orchestrator.Oci.Runtime;
using Xunit;

namespace Orchestrator.Tests.Oci.Runtime;

public sealed class RuntimeConfigTests
{
    [Fact]
    public void A_configuration_survives_its_json()
    {
        var json = DefaultProfile.Config().ToJson();
        Assert.Equal(json, RuntimeConfig.Parse(json).ToJson());
    }

    [Fact]
    public void The_specifications_spelling_is_read()
    {
        var config = RuntimeConfig.Parse("""
            {"process": {"noNewPrivileges": true, "user": {"uid": 7, "additionalGids": [5]}, "oomScoreAdj": -3},
             "linux": {"uidMappings": [{"containerID": 1, "hostID": 2, "size": 3}], "resources": {"blockIO": {"weight": 10}}}, "unknown": {"a": 1}}
            """u8);
        Assert.True(config.Process!.NoNewPrivileges);
        Assert.Equal([5u], config.Process.User.AdditionalGids);
        Assert.Equal(-3, config.Process.OomScoreAdj);
        Assert.Equal(2u, config.Linux.UidMappings[0].HostId);
        Assert.Equal((ushort)10, config.Linux.Resources!.BlockIo!.Weight);
    }

    [Theory]
    [InlineData("""{"process": {"args": "sh"}}""", "$.process.args")]
    [InlineData("""{"mounts": null}""", "mounts")]
    [InlineData("""{"root": {"path": 1}}""", "$.root.path")]
    public void A_wrong_type_is_named_with_its_field(string json, string field) =>
        Assert.Contains(field, Assert.Throws<JsonException>(() => RuntimeConfig.Parse(Encoding.UTF8.GetBytes(json))).Message);

    [Fact]
    public void An_overlay_survives_its_annotation()
    {
        var overlay = OverlayConfig.Parse(new OverlayConfig { Lower = ["/b", "/a"], Upper = "/u", Work = "/w" }.ToJson());
        Assert.Equal(["/b", "/a"], overlay.Lower);
        Assert.Equal("/w", overlay.Work);
    }
}
