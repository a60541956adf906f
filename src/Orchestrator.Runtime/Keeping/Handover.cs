using System.Buffers.Binary;
using System.Globalization;
using Microsoft.Win32.SafeHandles;
using Orchestrator.Keeping;
using Orchestrator.Linux;

namespace Orchestrator.Runtime.Keeping;

/// <summary>
/// A keeper becomes another program in place: the same process, still the containers' parent, with the same descriptors; what it must know
/// of them goes through a file in memory. Records are written length first, and read in the same order.
/// </summary>
internal sealed class Handover
{
    private readonly byte[] _buffer = new byte[4 * KeeperProtocol.MessageMax];
    private readonly List<int> _open = [];
    private readonly SafeFileHandle _memory = FileDescriptors.CreateMemory("keeper");

    private Handover()
    {
    }

    /// <summary>Returns only by an exception; everything goes on as it was then.</summary>
    /// <exception cref="LinuxException">The program cannot be executed.</exception>
    public static void Execute(KeeperOptions options, string program, Keeper keeper, int listener, IEnumerable<KeptContainer> waiting)
    {
        var handover = new Handover();
        using var memory = handover._memory;
        using var image = ProcessImage.OpenSealed(program);
        try
        {
            handover.WriteAll(keeper, waiting);
            foreach (var descriptor in (int[])[listener, options.Lock.Number(), image.Number()])
                handover.KeepOpen(descriptor);
            ProcessImage.Execute(image, [
                "orc-runtime", "--root", options.Root, Verbs.KeeperVerb.Name, "--cgroup-parent", options.CgroupParent, "--program", program,
                "--image", Text(image.Number()), "--lock", Text(options.Lock.Number()), "--listener", Text(listener), "--state", Text(memory.Number())], []);
        }
        finally
        {
            foreach (var descriptor in handover._open)
                FileDescriptors.SetCloseOnExec(descriptor, true);
        }
    }

    /// <summary>Takes over what <see cref="Execute"/> has left.</summary>
    public static void Continue(Keeper keeper, SafeFileHandle memory)
    {
        var all = new byte[FileSystem.Status(memory).Size];
        FileDescriptors.ReadAt(memory.Number(), all, 0);
        for (var rest = all.AsSpan(); rest.Length > 0;)
        {
            var length = BinaryPrimitives.ReadInt32LittleEndian(rest);
            var record = new MessageReader(rest.Slice(sizeof(int), length));
            if (record.Kind == MessageKind.Kept)
                ReadContainer(keeper, record);
            else if (record.Kind == MessageKind.Start)
                keeper.Start(StartRequest.Read(record));
            else
                ReadConnection(keeper, record);
            rest = rest[(sizeof(int) + length)..];
        }
        keeper.Reap();
    }

    private void WriteAll(Keeper keeper, IEnumerable<KeptContainer> waiting)
    {
        foreach (var container in keeper.Containers)
        {
            if (container.Process is not null)
                WriteContainer(container);
        }
        foreach (var connection in keeper.Connections)
            WriteConnection(connection);
        foreach (var container in waiting)
            Write(container.Request.Write(_buffer));
    }

    private void WriteContainer(KeptContainer container)
    {
        var record = new MessageWriter(_buffer, MessageKind.Kept);
        var descriptors = container.Descriptors!;
        record.Put(container.Request.Write(new byte[KeeperProtocol.MessageMax]));
        record.Put(container.CgroupPath);
        record.Put(container.Process!.Value.Pid);
        record.Put((long)container.Process.Value.StartTime);
        record.Put(container.Adopted is { } adopted ? KeepOpen(adopted.Descriptor) : -1);
        record.Put(descriptors.HasTerminal);
        foreach (var handle in (SafeFileHandle?[])[descriptors.Output, descriptors.Errors, descriptors.Input])
            record.Put(handle is { IsClosed: false } ? KeepOpen(handle.Number()) : -1);
        record.Put(container.PendingOutput);
        record.Put(container.PendingErrors);
        Write(record.Message);
    }

    private static void ReadContainer(Keeper keeper, MessageReader record)
    {
        var container = new KeptContainer(keeper, StartRequest.Read(new MessageReader(record.Bytes()))) { CgroupPath = record.Text() };
        var process = new RunningProcess(container.Id, record.Number(), (ulong)record.LongNumber());
        var adopted = Handle(record.Number());
        var hasTerminal = record.Flag();
        var descriptors = new ContainerDescriptors(Handle(record.Number()), Handle(record.Number()), Handle(record.Number()), hasTerminal);
        keeper.Add(container);
        keeper.Hold(container, process, descriptors, adopted);
        container.Continue(record.Bytes(), record.Bytes());
    }

    private void WriteConnection(KeeperConnection connection)
    {
        var record = new MessageWriter(_buffer, MessageKind.Attach);
        record.Put(KeepOpen(connection.Descriptor));
        record.Put(connection.IsControl);
        record.Put(connection.Container?.Id ?? "");
        record.Put(connection.Awaited ?? "");
        record.Put(connection.GivesInput);
        Write(record.Message);
    }

    private static void ReadConnection(Keeper keeper, MessageReader record)
    {
        var connection = keeper.Accept(Handle(record.Number())!);
        if (record.Flag())
            connection.BecomeControl();
        var (container, awaited) = (record.Text(), record.Text());
        connection.Continue(keeper.Find(container), awaited.Length > 0 ? awaited : null, record.Flag());
    }

    private void Write(ReadOnlySpan<byte> record)
    {
        Span<byte> length = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(length, record.Length);
        FileDescriptors.Write(_memory.Number(), length);
        FileDescriptors.Write(_memory.Number(), record);
    }

    private int KeepOpen(int descriptor)
    {
        FileDescriptors.SetCloseOnExec(descriptor, false);
        _open.Add(descriptor);
        return descriptor;
    }

    private static SafeFileHandle? Handle(int descriptor)
    {
        if (descriptor < 0)
            return null;
        FileDescriptors.SetCloseOnExec(descriptor, true);
        return new SafeFileHandle(descriptor, true);
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
