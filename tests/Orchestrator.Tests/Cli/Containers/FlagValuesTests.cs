using Orchestrator.Cli.Commands.Containers;
using Orchestrator.Model;
using Xunit;

namespace Orchestrator.Tests.Cli.Containers;

/// <summary>What users write behind options of `orc run`, as Docker reads it.</summary>
public sealed class FlagValuesTests
{
    [Theory]
    [InlineData("80", "0:80/tcp")]
    [InlineData("8080:80", "8080:80/tcp")]
    [InlineData("8080:80/udp", "8080:80/udp")]
    [InlineData("127.0.0.1:8080:80", "127.0.0.1 8080:80/tcp")]
    [InlineData("127.0.0.1::80", "127.0.0.1 0:80/tcp")]
    [InlineData("8000-8001:80-81", "8000:80/tcp 8001:81/tcp")]
    [InlineData("80-81", "0:80/tcp 0:81/tcp")]
    public void Ports_are_read(string text, string expected) => Assert.Equal(expected, string.Join(' ', FlagValues.Ports(text).Select(Shown)));

    [Theory]
    [InlineData("")]
    [InlineData("x")]
    [InlineData("0:80")]
    [InlineData("70000")]
    [InlineData("80/sctp")]
    [InlineData("1.2.3:80:80")]
    [InlineData("a:1:2:3")]
    [InlineData("8000-8002:80-81")]
    [InlineData("81-80")]
    public void Ports_that_are_none_are_refused(string text) => Assert.Throws<FormatException>(() => FlagValues.Ports(text));

    [Theory]
    [InlineData("data:/d", MountType.Volume, "data", "/d", false)]
    [InlineData("/a:/b:ro", MountType.Bind, "/a", "/b", true)]
    [InlineData("/a:/b:rw,z", MountType.Bind, "/a", "/b", false)]
    [InlineData("/only", MountType.Volume, "", "/only", false)]
    public void Volumes_are_read(string text, MountType type, string source, string target, bool readOnly) =>
        Assert.Equal((type, source, target, readOnly), FlagValues.Volume(text) is var m ? (m.Type, m.Source, m.Target, m.ReadOnly) : default);

    [Fact]
    public void A_relative_source_is_one_of_here() => Assert.Equal(Path.GetFullPath("sub"), FlagValues.Volume("./sub:/x").Source);

    [Theory]
    [InlineData("a:b")]
    [InlineData("a:/b:what")]
    [InlineData("a:/b:ro:x")]
    [InlineData(":/b")]
    public void Volumes_that_are_none_are_refused(string text) => Assert.Throws<FormatException>(() => FlagValues.Volume(text));

    [Fact]
    public void Mounts_are_read_field_by_field()
    {
        var volume = FlagValues.Mount("type=volume,src=v,dst=/t,readonly,volume-subpath=a/b");
        Assert.Equal((MountType.Volume, "v", "/t", true, "a/b"), (volume.Type, volume.Source, volume.Target, volume.ReadOnly, volume.Subpath));
        var tmpfs = FlagValues.Mount("type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=1770");
        Assert.Equal((MountType.Tmpfs, 1L << 20, 0x3f8), (tmpfs.Type, tmpfs.TmpfsSizeBytes, tmpfs.TmpfsMode));
        Assert.False(FlagValues.Mount("type=bind,source=/a,target=/b").CreateHostPath);
    }

    [Theory]
    [InlineData("type=bind,target=/b")]
    [InlineData("type=bind,source=/a")]
    [InlineData("type=nfs,source=/a,target=/b")]
    [InlineData("source=a,target=/b,colour=red")]
    public void Mounts_that_are_none_are_refused(string text) => Assert.Throws<FormatException>(() => FlagValues.Mount(text));

    [Theory]
    [InlineData("nofile=1024:2048", "nofile", 1024, 2048)]
    [InlineData("nproc=100", "nproc", 100, 100)]
    [InlineData("core=-1", "core", -1, -1)]
    [InlineData("core=0:unlimited", "core", 0, -1)]
    public void Ulimits_are_read(string text, string name, long soft, long hard) =>
        Assert.Equal((name, soft, hard), FlagValues.Ulimit(text) is var u ? (u.Name, u.Soft, u.Hard) : default);

    [Theory]
    [InlineData("nofile")]
    [InlineData("=1")]
    [InlineData("nofile=2:1")]
    [InlineData("nofile=-1:1")]
    [InlineData("nofile=1:2:3")]
    public void Ulimits_that_are_none_are_refused(string text) => Assert.Throws<FormatException>(() => FlagValues.Ulimit(text));

    [Theory]
    [InlineData("/dev/fuse", "/dev/fuse", "/dev/fuse", "rwm")]
    [InlineData("/dev/a:/dev/b", "/dev/a", "/dev/b", "rwm")]
    [InlineData("/dev/a:r", "/dev/a", "/dev/a", "r")]
    [InlineData("/dev/a:/dev/b:rm", "/dev/a", "/dev/b", "rm")]
    public void Devices_are_read(string text, string source, string target, string permissions) =>
        Assert.Equal((source, target, permissions), FlagValues.Device(text) is var d ? (d.Source, d.Target, d.Permissions) : default);

    [Theory]
    [InlineData("no", LocalRestartPolicy.Never, 0)]
    [InlineData("always", LocalRestartPolicy.Always, 0)]
    [InlineData("unless-stopped", LocalRestartPolicy.UnlessStopped, 0)]
    [InlineData("on-failure:3", LocalRestartPolicy.OnFailed, 3)]
    public void Restart_policies_are_read(string text, LocalRestartPolicy policy, int attempts) =>
        Assert.Equal((policy, attempts), FlagValues.Restart(text) is var r ? (r.Policy, r.Attempts) : default);

    [Theory]
    [InlineData("sometimes")]
    [InlineData("always:3")]
    [InlineData("on-failure:x")]
    public void Restart_policies_that_are_none_are_refused(string text) => Assert.Throws<FormatException>(() => FlagValues.Restart(text));

    [Fact]
    public void Files_of_variables_have_comments_and_names_that_are_passed_on()
    {
        string[] lines = ["# comment", "", "A=1 # not a comment", "  B=two words", "HERE", "GONE"];
        Assert.Equal([("A", "1 # not a comment"), ("B", "two words"), ("HERE", "passed")], FlagValues.EnvironmentLines(lines, n => n == "HERE" ? "passed" : null));
        Assert.Throws<FormatException>(() => FlagValues.EnvironmentLines(["a b=1"], _ => null).ToList());
    }

    private static string Shown(PortSpec port) =>
        $"{(port.HostIp.Length > 0 ? port.HostIp + " " : "")}{port.Published}:{port.Target}/{port.Protocol.ToString().ToLowerInvariant()}";
}
