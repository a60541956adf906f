using System.Net;
using DotNext.Buffers;
using DotNext.Net;
using DotNext.Net.Cluster.Consensus.Raft.Membership;
using DotNext.Net.Cluster.Consensus.Raft.StateMachine;

namespace Orchestrator.Control.Store;

/// <summary>The members' Raft addresses on disk: replaced whole by fsync, rename and directory fsync.</summary>
internal sealed class MemberFile : PersistentClusterConfigurationStorage<EndPoint>
{
    private volatile IReadOnlySet<EndPoint> _members = new HashSet<EndPoint>();

    private MemberFile(string path)
        : base(path) => ConfigurationChanged += (members, _) =>
        {
            _members = members.Members;
            return ValueTask.CompletedTask;
        };

    public ValueTask<IClusterConfiguration<EndPoint>> LoadAsync(CancellationToken token) =>
        ((IClusterConfigurationStorage<EndPoint>)this).LoadConfigurationAsync(token);

    /// <summary>As of the last applied entry of members; DotNext's own list follows a moment later.</summary>
    public IReadOnlySet<EndPoint> Members => _members;

    /// <summary>The file at <paramref name="path"/>, made first when missing. DotNext writes a first file in place, which a crash would tear;
    /// an existing one it replaces atomically. So there is always one: this server alone, or nobody yet. The latter must be of a lower version,
    /// or the list that comes with the leader's first snapshot would not replace it.</summary>
    public static async Task<MemberFile> OpenAsync(string path, EndPoint? first, CancellationToken token)
    {
        if (!File.Exists(path))
        {
            var draft = path + ".new";
            File.Delete(draft);
            using (var file = new MemberFile(draft))
                await file.SaveFirstAsync(first, token).ConfigureAwait(false);
            File.Move(draft, path);
        }
        var opened = new MemberFile(path);
        opened._members = (await opened.LoadAsync(token).ConfigureAwait(false)).Members;
        return opened;
    }

    /// <summary>For entries that the log replays before it knows of this file: it begins to when constructed, and hears of the file later.</summary>
    public async ValueTask SaveAsync(LogEntry members, CancellationToken token) =>
        await ((IClusterConfigurationStorage)this).SaveConfigurationAsync(members, members.Index, token).ConfigureAwait(false);

    protected override void Encode(EndPoint address, ref BufferWriterSlim<byte> output) => output.WriteEndPoint(address);

    protected override EndPoint Decode(ref SequenceReader reader) => reader.ReadEndPoint();

    private async Task SaveFirstAsync(EndPoint? first, CancellationToken token)
    {
        IClusterConfigurationStorage<EndPoint> storage = this;
        var members = await storage.LoadConfigurationAsync(token).ConfigureAwait(false);
        if (first is not null)
            members = members.Add(first);
        await storage.SaveConfigurationAsync(members, first is null ? -1L : 0L, token).ConfigureAwait(false);
    }
}
