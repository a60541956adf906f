using CsCheck;
using Orchestrator.Oci.Runtime;
using Orchestrator.Oci.Runtime.Seccomp;
using Xunit;

namespace Orchestrator.Tests.Oci.Runtime;

public sealed class SeccompCompilerTests
{
    private const uint Allow = 0x7FFF0000, Errno = 0x00050000, I386 = 0x40000003;

    private static readonly string[] s_names = ["read", "write", "open", "clone", "socket", "personality", "mount", "openat2", "clone3", "futex_wait"];
    private static readonly string[] s_operators = ["EQ", "NE", "LT", "LE", "GT", "GE", "MASKED_EQ"];

    private static readonly Gen<ulong> s_value = Gen.OneOf(Gen.ULong[0, 4], Gen.ULong[0xFFFF_FFFE, 0x1_0000_0002], Gen.ULong);

    private static readonly Gen<SeccompArgument> s_condition = Gen.Select(Gen.UInt[0, 5], s_value, s_value, OneOf(s_operators),
        (index, value, two, op) => new SeccompArgument { Index = index, Value = value, ValueTwo = two & value, Op = "SCMP_CMP_" + op });

    private static readonly Gen<SeccompRule> s_rule = Gen.Select(OneOf(s_names), s_condition.Array[0, 3], Gen.UInt[1, 3],
        (name, conditions, errno) => new SeccompRule { Names = [name], Action = errno == 1 ? "SCMP_ACT_ALLOW" : "SCMP_ACT_ERRNO", ErrnoRet = errno == 1 ? null : errno, Args = conditions });

    [Fact]
    public void A_filter_decides_as_the_rules_read_one_by_one_do()
    {
        var calls = Gen.Select(s_rule.Array[1, 12], OneOf(s_names), s_value.Array[6]);
        calls.Sample((rules, name, arguments) =>
        {
            var filter = SeccompCompiler.Compile(new SeccompConfig { DefaultAction = "SCMP_ACT_LOG", Syscalls = rules });
            Assert.Equal(Expected(rules, name, arguments), BpfInterpreter.Run(filter, SyscallTable.Find(name)!.Value, arguments));
        });
    }

    [Theory]
    [InlineData("read", 0, Allow)]
    [InlineData("mount", 0, Errno | 1)]
    [InlineData("clone3", 0, Errno | 38)]
    [InlineData("clone", 0x11, Allow)]
    [InlineData("clone", 0x10000000, Errno | 1)]
    [InlineData("socket", 2, Allow)]
    [InlineData("socket", 38, Errno | 1)]
    [InlineData("socket", 40, Errno | 1)]
    [InlineData("personality", 0xFFFFFFFF, Allow)]
    [InlineData("personality", 0x0040000, Errno | 1)]
    [InlineData("file_setattr", 0, Errno | 38)]
    public void The_default_profile_answers_as_Docker_documents(string name, ulong argument, uint expected) =>
        Assert.Equal(expected, BpfInterpreter.Run(Default(DefaultProfile.Capabilities), SyscallTable.Find(name)!.Value, [argument, 0, 0, 0, 0, 0]));

    [Fact]
    public void A_capability_brings_its_calls() =>
        Assert.Equal(Allow, BpfInterpreter.Run(Default(["CAP_SYS_ADMIN"]), SyscallTable.Find("mount")!.Value, new ulong[6]));

    [Theory]
    [InlineData(3, 0, Allow)]
    [InlineData(21, 0, Errno | 1)]
    [InlineData(102, 1, Allow)]
    [InlineData(90, 0, Allow)]
    [InlineData(87, 0, Errno | 1)]
    [InlineData(192, 0, Allow)]
    [InlineData(359, 40, Errno | 1)]
    [InlineData(359, 2, Allow)]
    [InlineData(500, 0, Errno | 38)]
    public void A_32_bit_program_is_filtered_by_its_own_numbers(int number, ulong argument, uint expected) =>
        Assert.Equal(expected, BpfInterpreter.Run(Default([]), number, [argument, 0, 0, 0, 0, 0], I386));

    [Theory]
    [InlineData(0, Allow)]
    [InlineData(165, Errno | 1)]
    [InlineData(512, Allow)]
    [InlineData(13, Errno | 1)]
    [InlineData(600, Errno | 38)]
    public void An_x32_program_is_filtered_by_its_own_numbers(int number, uint expected) =>
        Assert.Equal(expected, BpfInterpreter.Run(Default([]), 0x40000000 | number, new ulong[6]));

    [Fact]
    public void An_architecture_that_is_not_listed_ends_the_thread()
    {
        var filter = SeccompCompiler.Compile(new SeccompConfig { DefaultAction = "SCMP_ACT_ALLOW" });
        Assert.Equal(Allow, BpfInterpreter.Run(filter, 0, new ulong[6]));
        Assert.Equal(0u, BpfInterpreter.Run(filter, 0, new ulong[6], I386));
        Assert.Equal(0u, BpfInterpreter.Run(filter, 0x40000000, new ulong[6]));
    }

    [Fact]
    public void Calls_through_socketcall_are_told_apart()
    {
        var config = new SeccompConfig { DefaultAction = "SCMP_ACT_ALLOW", Architectures = ["SCMP_ARCH_X86"], Syscalls = [new SeccompRule { Names = ["bind", "msgget"], Action = "SCMP_ACT_ERRNO", ErrnoRet = 5 }] };
        var filter = SeccompCompiler.Compile(config);
        Assert.Equal(Errno | 5, BpfInterpreter.Run(filter, 102, [2, 0, 0, 0, 0, 0], I386));
        Assert.Equal(Allow, BpfInterpreter.Run(filter, 102, [3, 0, 0, 0, 0, 0], I386));
        Assert.Equal(Errno | 5, BpfInterpreter.Run(filter, 117, [13, 0, 0, 0, 0, 0], I386));
        Assert.Equal(Errno | 5, BpfInterpreter.Run(filter, 361, new ulong[6], I386));
    }

    [Fact]
    public void The_kernel_accepts_the_filters_size() => Assert.InRange(Default(DefaultProfile.Capabilities).Length / 8, 1, 4096);

    [Fact]
    public void An_unknown_action_is_named_with_its_field()
    {
        var config = new SeccompConfig { DefaultAction = "SCMP_ACT_ALLOW", Syscalls = [new SeccompRule { Names = ["read"], Action = "SCMP_ACT_MAYBE" }] };
        var error = Assert.Throws<RuntimeConfigException>(() => SeccompCompiler.Compile(config));
        Assert.Equal("linux.seccomp.syscalls[0].action", error.Field);
        Assert.Contains("SCMP_ACT_MAYBE", error.Message);
    }

    private static Gen<string> OneOf(string[] words) => Gen.Int[0, words.Length - 1].Select(i => words[i]);

    private static byte[] Default(IReadOnlyCollection<string> capabilities) => SeccompCompiler.Compile(DefaultProfile.Seccomp(capabilities));

    private static uint Expected(SeccompRule[] rules, string name, ulong[] arguments)
    {
        var match = rules.Where(r => r.Names[0] == name).FirstOrDefault(r => Matches(r.Args, arguments));
        return match is null ? 0x7FFC0000 : match.Action == "SCMP_ACT_ALLOW" ? Allow : Errno | match.ErrnoRet!.Value;
    }

    private static bool Matches(IReadOnlyList<SeccompArgument> conditions, ulong[] arguments) =>
        conditions.DistinctBy(a => a.Index).Count() == conditions.Count
            ? conditions.All(a => Holds(a, arguments[a.Index]))
            : conditions.Any(a => Holds(a, arguments[a.Index]));

    private static bool Holds(SeccompArgument condition, ulong argument) => condition.Op[9..] switch
    {
        "EQ" => argument == condition.Value,
        "NE" => argument != condition.Value,
        "LT" => argument < condition.Value,
        "LE" => argument <= condition.Value,
        "GT" => argument > condition.Value,
        "GE" => argument >= condition.Value,
        _ => (argument & condition.Value) == condition.ValueTwo,
    };
}
