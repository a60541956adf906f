using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Orchestrator.Linux.Netlink;

/// <summary>A netlink socket. It belongs to the network namespace of the thread that opened it; one thread at a time may use it.</summary>
public sealed unsafe class NetlinkSocket : IDisposable
{
    private const int Family = 16, RawCloseOnExec = 3 | 0x80000, OptionLevel = 270;
    private const int CapAck = 10, ExtendedAck = 11, StrictCheck = 12;
    private const ushort ErrorType = 2, DoneType = 3;
    private const ushort DumpInterrupted = 0x10, Capped = 0x100, HasTlvs = 0x200;

    private readonly SafeFileHandle _socket;
    // The kernel fills no more into one datagram of a dump.
    private readonly byte[] _buffer = new byte[32 * 1024];
    private uint _sequence;
    private List<(NetlinkMessage Message, string What, int[] Tolerated)>? _together;

    /// <param name="protocol">0: routing; 12: netfilter.</param>
    public NetlinkSocket(int protocol)
    {
        _socket = new SafeFileHandle(Libc.Check(Libc.socket(Family, RawCloseOnExec, protocol), $"netlink socket {protocol}"), true);
        foreach (var option in (ReadOnlySpan<int>)[CapAck, ExtendedAck, StrictCheck])
            Enable(option);
    }

    private delegate bool Visit(ushort type, ushort flags, ReadOnlySpan<byte> payload);

    /// <summary>Sends a request and awaits the kernel's answer.</summary>
    /// <param name="what">What is asked, with its object, for the error.</param>
    /// <param name="tolerated">Error numbers that are as good as success.</param>
    /// <returns>False when the kernel answered with a tolerated error.</returns>
    public bool Request(NetlinkMessage message, string what, params ReadOnlySpan<int> tolerated)
    {
        if (_together is not null)
        {
            _together.Add((message, what, tolerated.ToArray()));
            return true;
        }
        Send(message.ToBytes(++_sequence), what);
        return Judge(AwaitAcknowledgement(what), what, tolerated);
    }

    /// <summary>Sends all requests that <paramref name="requests"/> makes at once: one turn to the kernel. Each is carried out whatever became of those before it.</summary>
    /// <exception cref="LinuxException">The first that the kernel refused.</exception>
    public void Together(Action requests)
    {
        var together = _together = [];
        try
        {
            requests();
        }
        finally
        {
            _together = null;
        }
        if (together.Count == 0)
            return;
        var first = _sequence + 1;
        Send([.. together.SelectMany(r => r.Message.ToBytes(++_sequence).ToArray())], together[0].What);
        _sequence = first - 1;
        var answers = together.Select(r => (r, AwaitNext(r.What))).ToList();
        foreach (var (request, answer) in answers)
            Judge(answer, request.What, request.Tolerated);
    }

    /// <summary>The one object that is asked for; null when there is none.</summary>
    public T? Get<T>(NetlinkMessage message, string what, Func<byte[], T?> parse, int absent) where T : class
    {
        T? found = null;
        var answer = (Errno: 0, Text: "");
        Send(message.ToBytes(++_sequence), what);
        Receive(what, (type, flags, payload) =>
        {
            if (type == ErrorType)
                answer = ReadError(flags, payload);
            else
                found = parse(payload.ToArray());
            return true;
        });
        Judge(answer, what, absent);
        return found;
    }

    /// <summary>All objects that a dump request yields: the payload (family header and attributes) of each goes through <paramref name="parse"/>.</summary>
    public IReadOnlyList<T> Dump<T>(NetlinkMessage message, string what, Func<byte[], T?> parse) where T : class
    {
        while (true)
        {
            var found = new List<T>();
            var interrupted = false;
            Send(message.ToBytes(++_sequence), what);
            Receive(what, (type, flags, payload) =>
            {
                interrupted |= (flags & DumpInterrupted) != 0;
                if (type == ErrorType)
                    throw ErrorOf(flags, payload, what);
                if (type != DoneType && parse(payload.ToArray()) is { } item)
                    found.Add(item);
                return type == DoneType;
            });
            // The kernel's list changed under the dump: entries may be missing.
            if (!interrupted)
                return found;
        }
    }

    public void Dispose() => _socket.Dispose();

    private static bool Judge((int Errno, string Text) answer, string what, params ReadOnlySpan<int> tolerated) =>
        answer.Errno == 0 || (tolerated.Contains(answer.Errno)
            ? false : throw new LinuxException(answer.Errno, answer.Text.Length == 0 ? what : $"{what}: {answer.Text}"));

    private static LinuxException ErrorOf(ushort flags, ReadOnlySpan<byte> payload, string what)
    {
        var (errno, text) = ReadError(flags, payload);
        return new LinuxException(errno, text.Length == 0 ? what : $"{what}: {text}");
    }

    private static (int Errno, string Text) ReadError(ushort flags, ReadOnlySpan<byte> payload)
    {
        var errno = -BitConverter.ToInt32(payload);
        if ((flags & HasTlvs) == 0)
            return (errno, "");
        var original = (flags & Capped) != 0 ? 16 : (int)BitConverter.ToUInt32(payload[4..]);
        var text = NetlinkAttributes.Find(payload[Math.Min(4 + original, payload.Length)..], 1);
        return (errno, Encoding.UTF8.GetString(text.TrimEnd((byte)0)));
    }

    private (int Errno, string Text) AwaitNext(string what)
    {
        _sequence++;
        return AwaitAcknowledgement(what);
    }

    private (int Errno, string Text) AwaitAcknowledgement(string what)
    {
        (int, string) answer = default;
        Receive(what, (type, flags, payload) =>
        {
            if (type != ErrorType)
                return false;
            answer = ReadError(flags, payload);
            return true;
        });
        return answer;
    }

    private void Enable(int option)
    {
        var one = 1;
        Libc.Check(Libc.setsockopt((int)_socket.DangerousGetHandle(), OptionLevel, option, &one, sizeof(int)), $"netlink option {option}");
    }

    private void Send(ReadOnlySpan<byte> messages, string what)
    {
        fixed (byte* p = messages)
            Libc.Check(Libc.send((int)_socket.DangerousGetHandle(), p, (nuint)messages.Length, 0), what);
    }

    /// <summary>Hands over the messages that answer the last request until the visitor says that it has all.</summary>
    private void Receive(string what, Visit visit)
    {
        while (true)
        {
            var rest = Read(what);
            while (rest.Length >= 16)
            {
                var length = (int)BitConverter.ToUInt32(rest);
                var mine = BitConverter.ToUInt32(rest[8..]) == _sequence;
                if (mine && visit(BitConverter.ToUInt16(rest[4..]), BitConverter.ToUInt16(rest[6..]), rest[16..length]))
                    return;
                rest = rest[Math.Min((length + 3) & ~3, rest.Length)..];
            }
        }
    }

    private ReadOnlySpan<byte> Read(string what)
    {
        fixed (byte* p = _buffer)
        {
            while (true)
            {
                var count = Libc.recv((int)_socket.DangerousGetHandle(), p, (nuint)_buffer.Length, 0);
                if (count >= 0)
                    return _buffer.AsSpan(0, (int)count);
                var error = Libc.Error(what);
                if (error.Errno != Errno.EINTR)
                    throw error;
            }
        }
    }
}
