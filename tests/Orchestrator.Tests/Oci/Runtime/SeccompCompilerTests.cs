using CsCheck;
using Orchestrator.Oci.Runtime;
using Orchestrator.Oci.Runtime.Seccomp;
using Xunit;

namespace Orchestrator.Tests.Oci.Runtime;

public sealed class SeccompCompilerTests
{
    private const uint Allow = 0x7FFF0000, Errno = 0x00050000;

    private static readonly string[] s_names = ["read", "write", "open", "clone", "socket", "personality", "mount", "openat2", "clone3", "futex_wait"];
    private static readonly string[] s_operators = ["EQ", "NE", "LT", "LE", "GT", "GE", "MASKED_EQ"];

    private static readonly Gen<ulong> s_value = Gen.OneOf(Gen.ULong[0, 4], Gen.ULong[0xFFFF_FFFE, 0x1_0000_0002], Gen.ULong);

    private static readonly Gen<SeccompArgument> s_condition = Gen.Select(Gen.UInt[0, 5], s_value, s_value, OneOf(s_operators),
        (index, value, two, op) => new SeccompArgument { Index = index, Value = value, ValueTwo = two & value, Op = "SCMP_CMP_" + op });

    private static readonly Gen<SeccompRule> s_rule = Gen.Select(OneOf(s_names), s_condition.Array[0, 3], Gen.UInt[1, 3],
        (name, conditions, errno) => new SeccompRule { Names = [name], Action = errno == 1 ? "SCMP_ACT_ALLOW" : "SCMP_ACT_ERRNO", ErrnoRet = errno, Args = conditions });

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
    [InlineData(0, 0x40000003)]
    [InlineData(0x40000000, 0xC000003E)]
    public void Another_architecture_gets_the_default_action(int number, uint architecture) =>
        Assert.Equal(Errno | 1, BpfInterpreter.Run(Default([]), number, new ulong[6], architecture));

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
        var match = rules.Where(r => r.Names[0] == name).FirstOrDefault(r => r.Args.All(a => Holds(a, arguments[a.Index])));
        return match is null ? 0x7FFC0000 : match.Action == "SCMP_ACT_ALLOW" ? Allow : Errno | match.ErrnoRet!.Value;
    }

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
