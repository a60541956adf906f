using Orchestrator.Engine.Containers;
using Xunit;

namespace Orchestrator.Tests.Engine.Containers;

public sealed class ImageUserTests
{
    private const string Passwd = "root:x:0:0:root:/root:/bin/sh\nredis:x:999:1000:Redis:/data:/bin/false\nbroken line\n";
    private const string Group = "root:x:0:\nredis:x:1000:\naudio:x:29:redis,other\n";

    [Theory]
    [InlineData("", 0, 0, "/root")]
    [InlineData("redis", 999, 1000, "/data")]
    [InlineData("999", 999, 1000, "/data")]
    [InlineData("redis:audio", 999, 29, "/data")]
    [InlineData("1234", 1234, 0, "/")]
    [InlineData("1234:5", 1234, 5, "/")]
    [InlineData("redis:77", 999, 77, "/data")]
    public void Names_and_numbers_are_looked_up(string user, uint uid, uint gid, string home)
    {
        var found = ImageUser.Resolve(user, Passwd, Group);
        Assert.Equal((uid, gid, home), (found.Uid, found.Gid, found.Home));
    }

    [Fact]
    public void Other_groups_come_along_unless_one_was_named()
    {
        Assert.Equal([29u], ImageUser.Resolve("redis", Passwd, Group).AdditionalGids);
        Assert.Empty(ImageUser.Resolve("redis:redis", Passwd, Group).AdditionalGids);
    }

    [Theory]
    [InlineData("nobody", "no user \"nobody\"")]
    [InlineData("redis:wheel", "no group \"wheel\"")]
    [InlineData("4294967295", "no user")]
    public void A_name_that_the_image_lacks_is_refused(string user, string says) =>
        Assert.Contains(says, Assert.Throws<ContainerException>(() => ImageUser.Resolve(user, Passwd, Group)).Message, StringComparison.Ordinal);

    [Fact]
    public void An_image_without_files_knows_numbers_alone()
    {
        Assert.Equal(0u, ImageUser.Resolve("", null, null).Uid);
        Assert.Throws<ContainerException>(() => ImageUser.Resolve("root", null, null));
    }
}
