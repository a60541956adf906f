using System.Buffers.Binary;

namespace Orchestrator.Oci.Runtime.Seccomp;

/// <summary>Classic BPF with labels. Jumps go forward only, as the kernel demands.</summary>
internal sealed class BpfAssembler
{
    public const ushort Load = 0x20, And = 0x54, Return = 0x06, Jump = 0x05, JumpEqual = 0x15, JumpGreater = 0x25, JumpGreaterOrEqual = 0x35;

    // A whole profile with its 32-bit calls fits.
    private const int CommonCount = 1200;

    private readonly List<(ushort Code, uint K, Label? True, Label? False)> _instructions = new(CommonCount);

    public sealed class Label
    {
        public int Position { get; set; } = -1;
    }

    public void Emit(ushort code, uint k) => _instructions.Add((code, k, null, null));

    public void Branch(ushort code, uint k, Label whenTrue, Label whenFalse) => _instructions.Add((code, k, whenTrue, whenFalse));

    public void GoTo(Label target) => _instructions.Add((Jump, 0, target, null));

    public void Mark(Label label) => label.Position = _instructions.Count;

    /// <summary>struct sock_filter, 8 bytes each.</summary>
    public byte[] ToBytes()
    {
        var bytes = new byte[_instructions.Count * 8];
        for (var i = 0; i < _instructions.Count; i++)
        {
            var (code, k, whenTrue, whenFalse) = _instructions[i];
            var to = bytes.AsSpan(i * 8);
            BinaryPrimitives.WriteUInt16LittleEndian(to, code);
            if (code == Jump)
                k = (uint)Distance(i, whenTrue);
            else if (whenTrue is not null)
                (to[2], to[3]) = (checked((byte)Distance(i, whenTrue)), checked((byte)Distance(i, whenFalse)));
            BinaryPrimitives.WriteUInt32LittleEndian(to[4..], k);
        }
        return bytes;
    }

    private static int Distance(int from, Label? to) =>
        to!.Position > from ? to.Position - from - 1 : throw new InvalidOperationException("a BPF jump must go forward to a marked label");
}
