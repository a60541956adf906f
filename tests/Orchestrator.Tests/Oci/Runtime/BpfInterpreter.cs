using System.Buffers.Binary;

namespace Orchestrator.Tests.Oci.Runtime;

/// <summary>Runs a seccomp filter as the kernel would: the few instructions that filters have.</summary>
internal static class BpfInterpreter
{
    public static uint Run(byte[] program, int number, ulong[] arguments, uint architecture = 0xC000003E)
    {
        var data = new byte[64];
        BinaryPrimitives.WriteInt32LittleEndian(data, number);
        BinaryPrimitives.WriteUInt32LittleEndian(data.AsSpan(4), architecture);
        for (var i = 0; i < 6; i++)
            BinaryPrimitives.WriteUInt64LittleEndian(data.AsSpan(16 + 8 * i), arguments[i]);
        uint a = 0;
        for (var pc = 0; ; pc++)
        {
            var instruction = program.AsSpan(pc * 8, 8);
            var k = BinaryPrimitives.ReadUInt32LittleEndian(instruction[4..]);
            switch (BinaryPrimitives.ReadUInt16LittleEndian(instruction))
            {
                case 0x20: a = BinaryPrimitives.ReadUInt32LittleEndian(data.AsSpan((int)k)); break;
                case 0x54: a &= k; break;
                case 0x05: pc += (int)k; break;
                case 0x15: pc += a == k ? instruction[2] : instruction[3]; break;
                case 0x25: pc += a > k ? instruction[2] : instruction[3]; break;
                case 0x35: pc += a >= k ? instruction[2] : instruction[3]; break;
                case 0x06: return k;
                case var code: throw new InvalidOperationException($"unknown instruction {code:x}");
            }
        }
    }
}
