using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;

namespace Orchestrator.Linux.Cgroups;

/// <summary>What a process may do with a device; the kernel's numbers.</summary>
[Flags]
public enum DeviceAccess
{
    None = 0,
    Make = 1,
    Read = 2,
    Write = 4,
    All = Make | Read | Write,
}

/// <param name="IsBlock">A block device, or a character device.</param>
/// <param name="Major">Null for every one.</param>
/// <param name="Minor">Null for every one.</param>
public readonly record struct DeviceException(bool IsBlock, long? Major, long? Minor, DeviceAccess Access);

/// <summary>
/// The program that decides about devices in a version 2 group, which has no files for it (BPF_PROG_TYPE_CGROUP_DEVICE). It answers as version 1
/// does: exceptions from "nothing is allowed" must allow all of an access, exceptions from "all is allowed" refuse any part of it.
/// </summary>
public static unsafe class DeviceProgram
{
    private const int InstructionSize = 8, ProgramType = 15, AttachType = 6, AllowMultiple = 2, ProgramsMax = 64;
    private const int Load = 5, Attach = 8, Detach = 9, GetFdById = 13, Query = 16, AttributesSize = 120;
    private const byte LoadWord = 0x61, Move = 0xBC, MoveNumber = 0xB7, ShiftRight = 0x74, And = 0x54, JumpIfEqual = 0x15, JumpIfNotEqual = 0x55, Exit = 0x95;
    private const byte Result = 0, Context = 1, Type = 2, Access = 3, Major = 4, Minor = 5, Scratch = 1;
    private const int BlockType = 1, CharacterType = 2;

    public static byte[] Assemble(bool allowsByDefault, IEnumerable<DeviceException> exceptions)
    {
        // struct bpf_cgroup_dev_ctx: access and type in one word, major, minor.
        var code = new List<byte[]>
        {
            Instruction(LoadWord, Type, Context, 0),
            Instruction(Move, Access, Type),
            Instruction(ShiftRight, Access, number: 16),
            Instruction(And, Type, number: 0xFFFF),
            Instruction(LoadWord, Major, Context, sizeof(int)),
            Instruction(LoadWord, Minor, Context, 2 * sizeof(int)),
        };
        foreach (var exception in exceptions)
            code.AddRange(Assemble(exception, !allowsByDefault));
        code.AddRange(Answer(allowsByDefault));
        return [.. code.SelectMany(i => i)];
    }

    /// <summary>Makes the program the group's only one. What ran before goes on until the new one is in force.</summary>
    public static void Set(string groupDirectory, byte[] program)
    {
        using var group = FileSystem.Open(groupDirectory, OpenFlags.ReadOnly | OpenFlags.Directory);
        var before = Attached(group);
        using var loaded = LoadProgram(program);
        Change(Attach, group, loaded.Number(), AllowMultiple, "attach the device program to " + groupDirectory);
        foreach (var id in before)
        {
            using var old = OpenProgram(id);
            Change(Detach, group, old.Number(), 0, "detach the former device program of " + groupDirectory);
        }
    }

    private static byte[][] Assemble(DeviceException exception, bool allows)
    {
        var tests = new List<byte[][]> { Test(JumpIfNotEqual, Type, exception.IsBlock ? BlockType : CharacterType) };
        if (exception.Access != DeviceAccess.All || !allows)
        {
            var bits = allows ? DeviceAccess.All & ~exception.Access : exception.Access;
            tests.Add([Instruction(Move, Scratch, Access), Instruction(And, Scratch, number: (int)bits), .. Test(allows ? JumpIfNotEqual : JumpIfEqual, Scratch, 0)]);
        }
        if (exception.Major is { } major)
            tests.Add(Test(JumpIfNotEqual, Major, (int)major));
        if (exception.Minor is { } minor)
            tests.Add(Test(JumpIfNotEqual, Minor, (int)minor));
        byte[][] code = [.. tests.SelectMany(t => t), .. Answer(allows)];
        for (var i = 0; i < code.Length; i++)
        {
            // Every jump leads to the next exception.
            if (code[i][0] is JumpIfEqual or JumpIfNotEqual)
                BinaryPrimitives.WriteInt16LittleEndian(code[i].AsSpan(2), (short)(code.Length - i - 1));
        }
        return code;
    }

    private static byte[][] Test(byte jump, byte register, int number) => [Instruction(jump, register, number: number)];

    private static byte[][] Answer(bool allows) => [Instruction(MoveNumber, Result, number: allows ? 1 : 0), Instruction(Exit, 0)];

    private static byte[] Instruction(byte code, byte target, byte source = 0, short offset = 0, int number = 0)
    {
        var instruction = new byte[InstructionSize];
        instruction[0] = code;
        instruction[1] = (byte)(target | source << 4);
        BinaryPrimitives.WriteInt16LittleEndian(instruction.AsSpan(2), offset);
        BinaryPrimitives.WriteInt32LittleEndian(instruction.AsSpan(4), number);
        return instruction;
    }

    private static SafeFileHandle LoadProgram(byte[] program)
    {
        var attributes = stackalloc int[AttributesSize / sizeof(int)];
        new Span<byte>(attributes, AttributesSize).Clear();
        fixed (byte* code = program, license = Libc.Z("GPL"))
        {
            attributes[0] = ProgramType;
            attributes[1] = program.Length / InstructionSize;
            *(ulong*)(attributes + 2) = (ulong)code;
            *(ulong*)(attributes + 4) = (ulong)license;
            return new SafeFileHandle(Call(Load, attributes, "load the device program"), true);
        }
    }

    private static int[] Attached(SafeFileHandle group)
    {
        var attributes = stackalloc int[AttributesSize / sizeof(int)];
        new Span<byte>(attributes, AttributesSize).Clear();
        var ids = new int[ProgramsMax];
        fixed (int* i = ids)
        {
            attributes[0] = group.Number();
            attributes[1] = AttachType;
            *(ulong*)(attributes + 4) = (ulong)i;
            attributes[6] = ids.Length;
            Call(Query, attributes, "list the group's device programs");
        }
        return ids[..attributes[6]];
    }

    private static SafeFileHandle OpenProgram(int id)
    {
        var attributes = stackalloc int[AttributesSize / sizeof(int)];
        new Span<byte>(attributes, AttributesSize).Clear();
        attributes[0] = id;
        return new SafeFileHandle(Call(GetFdById, attributes, $"open the device program {id}"), true);
    }

    private static void Change(int command, SafeFileHandle group, int program, int flags, string what)
    {
        var attributes = stackalloc int[AttributesSize / sizeof(int)];
        new Span<byte>(attributes, AttributesSize).Clear();
        attributes[0] = group.Number();
        attributes[1] = program;
        attributes[2] = AttachType;
        attributes[3] = flags;
        Call(command, attributes, what);
    }

    private static int Call(int command, int* attributes, string what)
    {
        const int bpf = 321;
        return (int)Libc.Check(Libc.syscall(bpf, command, (nint)attributes, AttributesSize, 0, 0, 0), what);
    }
}
