using System.Runtime.InteropServices;

namespace Orchestrator.Linux.Tapes;

/// <summary>A program of syscalls: what a cloned child does until it becomes another program. Building one touches nothing.</summary>
public sealed class Tape
{
    private readonly List<Step> _steps = [];

    public IReadOnlyList<Step> Steps => _steps;

    /// <summary>The index that the next added step gets: the target for jumps over what was added so far.</summary>
    public int End => _steps.Count;

    public Step Add(string field, Syscall call, params ReadOnlySpan<Argument> arguments)
    {
        if (arguments.Length > 6)
            throw new ArgumentException("a syscall takes six arguments at most", nameof(arguments));
        var step = new Step(End, call, field, arguments.ToArray());
        _steps.Add(step);
        return step;
    }

    public override string ToString() => string.Join('\n', _steps) + "\n";
}

/// <summary>A tape in native memory, where the child reads it. Freed on disposal; the child has its own copy by then.</summary>
internal sealed unsafe class LoadedTape : IDisposable
{
    private const int ChunkSize = 1 << 15, Alignment = 8;

    private readonly List<nint> _memory = [];
    private readonly Dictionary<Argument.Block, nint> _blocks = new(ReferenceEqualityComparer.Instance);
    private readonly nint* _results, _null;
    private byte* _free;
    private int _freeBytes;

    public LoadedTape(Tape tape, int errorFd)
    {
        var count = tape.Steps.Count;
        _null = (nint*)Allocate(sizeof(nint));
        _results = (nint*)Allocate(count * sizeof(nint));
        var ops = (TapeOp*)Allocate(count * sizeof(TapeOp));
        for (var i = 0; i < count; i++)
            Load(tape.Steps[i], ops);
        Header = (TapeHeader*)Allocate(sizeof(TapeHeader));
        *Header = new TapeHeader { First = ops, End = ops + count, ErrorFd = errorFd };
    }

    public TapeHeader* Header { get; }

    public void Dispose()
    {
        foreach (var block in _memory)
            NativeMemory.Free((void*)block);
    }

    private void Load(Step step, TapeOp* ops)
    {
        var op = ops + step.Index;
        *op = new TapeOp
        {
            Call = (nint)step.Call,
            Result = step.ResultIn is { } place ? (nint*)(Place(place.Memory) + place.Offset) : _results + (step.ResultOf ?? step).Index,
            Next = ops + (step.Next ?? step.Index + 1),
            NextIfZero = ops + (step.NextIfZero ?? step.Next ?? step.Index + 1),
            Tolerated1 = step.First.Mask,
            Next1 = ops + step.First.Target,
            Tolerated2 = step.Second.Mask,
            Next2 = ops + step.Second.Target,
            Index = step.Index,
        };
        for (var i = 0; i < 6; i++)
            op->Arguments[i] = (long)(i < step.Arguments.Count ? Cell(step.Arguments[i]) : _null);
    }

    private nint* Cell(Argument argument)
    {
        if (argument is Argument.Result result)
            return _results + result.Step.Index;
        var cell = (nint*)Allocate(sizeof(nint));
        *cell = argument switch
        {
            Argument.Number number => (nint)number.Value,
            Argument.Text text => (nint)Copy(text.Bytes),
            Argument.Block block => Place(block),
            Argument.Counted counted => (nint)Copy(counted),
            Argument.Texts texts => (nint)Copy(texts.Values),
            _ => throw new InvalidOperationException($"unknown argument {argument}"),
        };
        return cell;
    }

    // Steps that name the same block share its memory.
    private nint Place(Argument.Block block)
    {
        if (!_blocks.TryGetValue(block, out var memory))
            _blocks[block] = memory = (nint)Copy(block.Bytes);
        return memory;
    }

    private byte* Copy(byte[] bytes)
    {
        var memory = (byte*)Allocate(bytes.Length);
        bytes.CopyTo(new Span<byte>(memory, bytes.Length));
        return memory;
    }

    private nint* Copy(Argument.Counted counted)
    {
        var pair = (nint*)Allocate(2 * sizeof(nint));
        pair[0] = counted.Count;
        pair[1] = (nint)Copy(counted.Bytes);
        return pair;
    }

    private nint* Copy(IReadOnlyList<byte[]> texts)
    {
        var array = (nint*)Allocate((texts.Count + 1) * sizeof(nint));
        for (var i = 0; i < texts.Count; i++)
            array[i] = (nint)Copy(texts[i]);
        return array;
    }

    private void* Allocate(int size)
    {
        size = (size + Alignment - 1) & -Alignment;
        if (size > _freeBytes)
        {
            _freeBytes = Math.Max(size, ChunkSize);
            _free = (byte*)NativeMemory.AllocZeroed((nuint)_freeBytes);
            _memory.Add((nint)_free);
        }
        var memory = _free;
        _free += size;
        _freeBytes -= size;
        return memory;
    }
}
