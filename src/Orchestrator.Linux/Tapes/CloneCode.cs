using System.Runtime.InteropServices;

namespace Orchestrator.Linux.Tapes;

/// <summary>
/// The only code that runs between clone and execve. A forked child of a managed process must run no managed code: when another thread has
/// asked for a collection at the moment of the fork, the child waits for a thread that it does not have. So the child is 224 bytes of
/// position-independent x64 code that knows the layouts of <see cref="TapeHeader"/> and <see cref="TapeOp"/> and nothing else.
/// </summary>
internal static unsafe class CloneCode
{
    private const int ReadWrite = 3, ReadExecute = 5, PrivateAnonymous = 0x22;
    private static delegate* unmanaged<TapeHeader*, nint> s_entry;

    /// <summary>Clones as the header says. Returns in the parent only: the child's pid, or -errno.</summary>
    public static nint Run(TapeHeader* header)
    {
        if (s_entry == null)
            s_entry = Load();
        return s_entry(header);
    }

    private static delegate* unmanaged<TapeHeader*, nint> Load()
    {
        if (RuntimeInformation.ProcessArchitecture != Architecture.X64)
            throw new PlatformNotSupportedException("containers are started by x64 code only");
        var page = Libc.mmap(null, (nuint)Code.Length, ReadWrite, PrivateAnonymous, -1, 0);
        if ((nint)page == -1)
            throw Libc.Error("mmap the clone code");
        Code.CopyTo(new Span<byte>(page, Code.Length));
        Libc.Check(Libc.mprotect(page, (nuint)Code.Length, ReadExecute), "mprotect the clone code");
        return (delegate* unmanaged<TapeHeader*, nint>)page;
    }

    // rbx = header, rbp = the op. Every argument is a pointer to its value, so that an op can use an earlier op's result.
    private static ReadOnlySpan<byte> Code =>
    [
        0xF3, 0x0F, 0x1E, 0xFA,             // endbr64
        0x53, 0x55,                         // push rbx; push rbp
        0x48, 0x89, 0xFB,                   // mov rbx, rdi
        0x48, 0x8B, 0x03,                   // mov rax, [rbx]         the clone call
        0x48, 0x8B, 0x7B, 0x08,             // mov rdi, [rbx+8]
        0x48, 0x8B, 0x73, 0x10,             // mov rsi, [rbx+16]
        0x48, 0x8B, 0x53, 0x18,             // mov rdx, [rbx+24]
        0x4C, 0x8B, 0x53, 0x20,             // mov r10, [rbx+32]
        0x4C, 0x8B, 0x43, 0x28,             // mov r8, [rbx+40]
        0x0F, 0x05,                         // syscall
        0x48, 0x85, 0xC0, 0x74, 0x03,       // test rax, rax; jz child
        0x5D, 0x5B, 0xC3,                   // pop rbp; pop rbx; ret
        0x48, 0x8B, 0x6B, 0x30,             // child: mov rbp, [rbx+48]
        0x48, 0x3B, 0x6B, 0x38,             // next: cmp rbp, [rbx+56]
        0x0F, 0x83, 0x9C, 0x00, 0x00, 0x00, // jae exit
        0x48, 0x8B, 0x45, 0x00,             // mov rax, [rbp]
        0x48, 0x8B, 0x7D, 0x08, 0x48, 0x8B, 0x3F, // mov rdi, [rbp+8]; mov rdi, [rdi]
        0x48, 0x8B, 0x75, 0x10, 0x48, 0x8B, 0x36, // rsi
        0x48, 0x8B, 0x55, 0x18, 0x48, 0x8B, 0x12, // rdx
        0x4C, 0x8B, 0x55, 0x20, 0x4D, 0x8B, 0x12, // r10
        0x4C, 0x8B, 0x45, 0x28, 0x4D, 0x8B, 0x00, // r8
        0x4C, 0x8B, 0x4D, 0x30, 0x4D, 0x8B, 0x09, // r9
        0x0F, 0x05,                         // syscall
        0x48, 0x3D, 0x01, 0xF0, 0xFF, 0xFF, // cmp rax, -4095
        0x73, 0x18,                         // jae failed
        0x48, 0x8B, 0x4D, 0x38,             // mov rcx, [rbp+56]
        0x48, 0x89, 0x01,                   // mov [rcx], rax         the result
        0x48, 0x85, 0xC0, 0x74, 0x06,       // test rax, rax; jz zero
        0x48, 0x8B, 0x6D, 0x40, 0xEB, 0xAC, // mov rbp, [rbp+64]; jmp next
        0x48, 0x8B, 0x6D, 0x70, 0xEB, 0xA6, // zero: mov rbp, [rbp+112]; jmp next
        0x48, 0xF7, 0xD8,                   // failed: neg rax        errno
        0x48, 0x83, 0xF8, 0x3F, 0x77, 0x23, // cmp rax, 63; ja report
        0x48, 0x8B, 0x4D, 0x48,             // mov rcx, [rbp+72]
        0x48, 0x0F, 0xA3, 0xC1, 0x72, 0x10, // bt rcx, rax; jc first
        0x48, 0x8B, 0x4D, 0x58,             // mov rcx, [rbp+88]
        0x48, 0x0F, 0xA3, 0xC1, 0x73, 0x0F, // bt rcx, rax; jnc report
        0x48, 0x8B, 0x6D, 0x60, 0xEB, 0x83, // mov rbp, [rbp+96]; jmp next
        0x48, 0x8B, 0x6D, 0x50,             // first: mov rbp, [rbp+80]
        0xE9, 0x7A, 0xFF, 0xFF, 0xFF,       // jmp next
        0x48, 0x89, 0x43, 0x50,             // report: mov [rbx+80], rax
        0x48, 0x8B, 0x4D, 0x68,             // mov rcx, [rbp+104]
        0x48, 0x89, 0x4B, 0x48,             // mov [rbx+72], rcx
        0xB8, 0x01, 0x00, 0x00, 0x00,       // mov eax, write
        0x48, 0x8B, 0x7B, 0x40,             // mov rdi, [rbx+64]
        0x48, 0x8D, 0x73, 0x48,             // lea rsi, [rbx+72]
        0xBA, 0x10, 0x00, 0x00, 0x00,       // mov edx, 16
        0x0F, 0x05,                         // syscall
        0xB8, 0xE7, 0x00, 0x00, 0x00,       // exit: mov eax, exit_group
        0xBF, 0x7F, 0x00, 0x00, 0x00,       // mov edi, 127
        0x0F, 0x05,                         // syscall
    ];
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct TapeHeader
{
    public nint CloneCall;
    public fixed long CloneArguments[5];
    public TapeOp* First;
    public TapeOp* End;
    public nint ErrorFd;
    public long ReportedStep, ReportedErrno;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct TapeOp
{
    public nint Call;
    public fixed long Arguments[6];
    public nint* Result;
    public TapeOp* Next;
    public ulong Tolerated1;
    public TapeOp* Next1;
    public ulong Tolerated2;
    public TapeOp* Next2;
    public long Index;
    public TapeOp* NextIfZero;
}
