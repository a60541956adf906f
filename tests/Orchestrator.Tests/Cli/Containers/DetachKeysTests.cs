using System.Text;
using Orchestrator.Cli.Terminal;
using Xunit;

namespace Orchestrator.Tests.Cli.Containers;

public sealed class DetachKeysTests
{
    [Theory]
    [InlineData("ctrl-p,ctrl-q", "abc", "abc", false)]
    [InlineData("ctrl-p,ctrl-q", "ab\u0010\u0011cd", "ab", true)]
    [InlineData("ctrl-p,ctrl-q", "\u0010x", "\u0010x", false)]
    [InlineData("ctrl-p,ctrl-q", "\u0010\u0010\u0011", "\u0010", true)]
    [InlineData("ctrl-a,d", "\u0001d", "", true)]
    [InlineData("x", "axb", "a", true)]
    [InlineData("", "\u0010\u0011", "\u0010\u0011", false)]
    public void The_keys_leave_and_others_are_passed_on(string keys, string typed, string passed, bool detach)
    {
        Assert.Equal(passed, Encoding.ASCII.GetString(DetachKeys.Parse(keys).Pass(Encoding.ASCII.GetBytes(typed), out var detached)));
        Assert.Equal(detach, detached);
    }

    [Fact]
    public void They_may_come_one_by_one()
    {
        var keys = DetachKeys.Parse("ctrl-p,ctrl-q");
        Assert.Empty(keys.Pass([0x10], out var first));
        Assert.Empty(keys.Pass([0x11], out var second));
        Assert.Equal((false, true), (first, second));
    }

    [Theory]
    [InlineData("ctrl-1")]
    [InlineData("alt-p")]
    public void Names_that_are_no_keys_are_refused(string text) => Assert.Throws<FormatException>(() => DetachKeys.Parse(text));
}
