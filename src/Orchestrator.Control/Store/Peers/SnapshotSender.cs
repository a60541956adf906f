namespace Orchestrator.Control.Store.Peers;

internal static class SnapshotSender
{
    private const int Slice = 64 << 10;

    /// <summary>Offers the snapshot and sends it if it is wanted. The time it takes does not matter while something moves.</summary>
    public static async Task<Answer> SendAsync(Conversation conversation, SnapshotRequest offer, FileStream file)
    {
        await conversation.SendAsync(FrameKind.Snapshot, offer).ConfigureAwait(false);
        var reply = await conversation.ReceiveAsync().ConfigureAwait(false);
        if (reply.Kind != FrameKind.Continue)
            return Conversation.AnswerIn(reply);
        var slice = new byte[Slice];
        while (await file.ReadAsync(slice).ConfigureAwait(false) is > 0 and var read)
            await conversation.SendAsync(FrameKind.SnapshotBytes, slice.AsMemory(0, read)).ConfigureAwait(false);
        return await conversation.ReceiveAnswerAsync().ConfigureAwait(false);
    }
}
