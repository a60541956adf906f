using CsCheck;
using Orchestrator.Keeping;
using Xunit;

namespace Orchestrator.Tests.Keeping;

public sealed class MessageTests
{
    private readonly byte[] _buffer = new byte[KeeperProtocol.MessageMax];

    [Fact]
    public void What_is_written_is_what_is_read()
    {
        var texts = Gen.String[0, 200];
        Gen.Select(texts, texts, texts, Gen.Long, Gen.Int, Gen.Enum<InputMode>()).Sample((id, bundle, log, bytes, files, input) =>
        {
            var request = new StartRequest(Utf8(id), Utf8(bundle), Utf8(log), bytes, files, input);
            Assert.Equal(request, StartRequest.Read(new MessageReader(request.Write(_buffer))));
        }, threads: 1);
        Gen.Select(texts, Gen.Int, Gen.Int, Gen.Bool, Gen.Long).Sample((id, code, signal, oom, at) =>
        {
            var ended = new Ended(Utf8(id), code, signal, oom, at);
            Assert.Equal(ended, Ended.Read(new MessageReader(ended.Write(_buffer))));
        }, threads: 1);
        Gen.Select(texts, Gen.Int, Gen.ULong).Sample((id, pid, start) =>
        {
            var process = new RunningProcess(Utf8(id), pid, start);
            Assert.Equal(process, RunningProcess.Read(new MessageReader(process.Write(_buffer, MessageKind.Kept))));
        }, threads: 1);
    }

    [Fact]
    public void A_message_that_ends_too_early_is_an_error_and_nothing_else()
    {
        var whole = new StartRequest("id", "/bundle", "/log", 1, 2, InputMode.Open).Write(_buffer).ToArray();
        for (var length = 1; length < whole.Length; length++)
            Assert.Throws<ArgumentException>(() => StartRequest.Read(new MessageReader(whole.AsSpan(0, length))));
        byte[] negative = [(byte)MessageKind.Ended, 255, 255, 255, 255, 0];
        Assert.Throws<ArgumentException>(() => Ended.Read(new MessageReader(negative)));
    }

    [Fact]
    public void A_long_refusal_is_cut_and_still_fits()
    {
        var refusal = Refusal.Read(new MessageReader(new Refusal("id", new string('\u20ac', 100_000)).Write(_buffer, MessageKind.Failed)));
        Assert.Equal(4096, refusal.Message.Length);
    }

    // Half a surrogate pair has no UTF-8.
    private static string Utf8(string text) => System.Text.Encoding.UTF8.GetString(System.Text.Encoding.UTF8.GetBytes(text));
}
