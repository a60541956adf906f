using System.Buffers.Binary;
using Orchestrator.Linux.Cgroups;
using Orchestrator.Oci.Runtime;
using Orchestrator.Runtime.Planning;
using Xunit;

namespace Orchestrator.Tests.Runtime;

/// <summary>The program for version 2 says of every device what version 1's files would; its instructions are followed here one by one.</summary>
public sealed class DeviceRulesTests
{
    private static readonly DeviceRule s_denyAll = new() { Access = "rwm" };

    [Theory]
    [InlineData("c", 1, 3, "rw", true)]
    [InlineData("c", 1, 3, "m", false)]
    [InlineData("c", 1, 4, "r", false)]
    [InlineData("b", 1, 3, "r", false)]
    [InlineData("c", 136, 77, "rwm", true)]
    [InlineData("b", 8, 0, "r", true)]
    [InlineData("b", 8, 0, "rw", false)]
    [InlineData("b", 9, 9, "m", true)]
    public void Exceptions_from_nothing_must_allow_all_of_an_access(string type, uint major, uint minor, string access, bool allowed) =>
        Assert.Equal(allowed, Ask([s_denyAll, Allow("c", 1, 3, "rw"), Allow("c", 136, null, "rwm"), Allow("b", 8, 0, "r"), Allow("b", null, null, "m")], type, major, minor, access));

    [Theory]
    [InlineData("c", 1, 3, "r", true)]
    [InlineData("c", 1, 3, "rw", false)]
    [InlineData("b", 8, 4, "m", false)]
    [InlineData("b", 9, 4, "rwm", true)]
    public void Exceptions_from_everything_refuse_any_part_of_an_access(string type, uint major, uint minor, string access, bool allowed) =>
        Assert.Equal(allowed, Ask([new DeviceRule { Type = "c", Major = 1, Minor = 3, Access = "w" }, new DeviceRule { Type = "b", Major = 8, Access = "rwm" }], type, major, minor, access));

    [Fact]
    public void Rules_for_one_device_add_up()
    {
        DeviceRule[] rules = [s_denyAll, Allow("c", 5, 1, "r"), Allow("c", 5, 1, "w"), new DeviceRule { Type = "c", Major = 5, Minor = 1, Access = "w" }, Allow("c", 5, 2, "r"), Allow("c", 5, 2, "w")];
        Assert.False(Ask(rules, "c", 5, 1, "rw"));
        Assert.True(Ask(rules, "c", 5, 1, "r"));
        Assert.True(Ask(rules, "c", 5, 2, "rw"));
    }

    [Fact]
    public void A_rule_for_all_starts_over()
    {
        Assert.True(Ask([s_denyAll, Allow("c", 1, 3, "r"), new DeviceRule { Allow = true, Type = "a" }], "b", 77, 1, "rwm"));
        Assert.False(Ask([Allow("c", 1, 3, "r"), s_denyAll], "c", 1, 3, "r"));
    }

    [Fact]
    public void Many_exceptions_make_one_program_without_loops()
    {
        DeviceRule[] rules = [s_denyAll, .. Enumerable.Range(0, 500).Select(i => Allow("c", 200, i, "rw"))];
        Assert.True(Ask(rules, "c", 200, 499, "rw"));
        Assert.False(Ask(rules, "c", 200, 500, "rw"));
    }

    [Fact]
    public void Version_1_is_told_a_rule_once_unless_the_opposite_came_between()
    {
        var layout = new CgroupLayout([new CgroupHierarchy("/sys/fs/cgroup/devices", ["devices"])], null);
        var deny = new DeviceRule { Type = "c", Major = 1, Minor = 3, Access = "rwm" };
        var rules = new ResourcesConfig { Devices = [s_denyAll, Allow("c", 1, 3, "rwm"), Allow("c", 1, 3, "rwm"), deny] };
        var written = CgroupSetting.From(rules, layout).Select(s => $"{s.File} {s.Value}").ToList();
        Assert.Equal(["devices.deny a", "devices.allow c 1:3 rwm", "devices.deny c 1:3 rwm", "devices.allow c *:* m"], written.Take(4));
        Assert.Equal(1, written.Skip(3).Count(w => w == "devices.allow c 1:3 rwm"));
    }

    private static DeviceRule Allow(string type, long? major, long? minor, string access) => new() { Allow = true, Type = type, Major = major, Minor = minor, Access = access };

    private static bool Ask(DeviceRule[] rules, string type, uint major, uint minor, string access)
    {
        var bits = (access.Contains('m') ? 1u : 0) | (access.Contains('r') ? 2u : 0) | (access.Contains('w') ? 4u : 0);
        return Follow(DeviceRules.Assemble(rules), [bits << 16 | (type == "b" ? 1u : 2u), major, minor]);
    }

    private static bool Follow(byte[] program, uint[] context)
    {
        var registers = new ulong[11];
        for (var at = 0; ; at++)
        {
            var code = program.AsSpan(at * 8, 8);
            var (target, source) = (code[1] & 0xF, code[1] >> 4);
            var (offset, number) = (BinaryPrimitives.ReadInt16LittleEndian(code[2..]), BinaryPrimitives.ReadInt32LittleEndian(code[4..]));
            switch (code[0])
            {
                case 0x61: registers[target] = context[offset / 4]; break;
                case 0xBC: registers[target] = (uint)registers[source]; break;
                case 0xB7: registers[target] = (ulong)number; break;
                case 0x74: registers[target] = (uint)registers[target] >> number; break;
                case 0x54: registers[target] = (uint)registers[target] & (uint)number; break;
                case 0x15: at += registers[target] == (ulong)number ? offset : 0; break;
                case 0x55: at += registers[target] != (ulong)number ? offset : 0; break;
                case 0x95: return registers[0] != 0;
                default: throw new InvalidOperationException($"unknown instruction {code[0]:x}");
            }
        }
    }
}
