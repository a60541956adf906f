using System.Text.Json;
using Orchestrator.Runtime.Containers;
using Xunit;

namespace Orchestrator.Tests.Runtime;

/// <summary>state.json is written and read by hand; keepers and runtimes of other versions read it too.</summary>
public sealed class ContainerRecordTests
{
    private static readonly ContainerRecord s_record = new() { Id = "a", Bundle = "/b \"ü\"", CgroupPath = "/c", CreatedAtUnixMs = 12, Pid = 34, StartTime = ulong.MaxValue };

    [Fact]
    public void A_record_survives_its_json()
    {
        Assert.Equal(s_record, ContainerRecord.Parse(s_record.ToJson()));
        var kept = s_record with { Kept = new KeptRecord("/log", 1L << 40, 3, 2) };
        Assert.Equal(kept, ContainerRecord.Parse(kept.ToJson()));
    }

    [Fact]
    public void Its_json_is_as_it_has_been()
    {
        Assert.Equal("""{"id":"a","bundle":"/b","cgroupPath":"/c","createdAtUnixMs":12,"pid":34,"startTime":5}""",
            System.Text.Encoding.UTF8.GetString((s_record with { Bundle = "/b", StartTime = 5 }).ToJson()));
        Assert.Equal(s_record with { Bundle = "/b", StartTime = 5, Kept = new KeptRecord("/l", 1, 2, 1) }, ContainerRecord.Parse("""
            {"id":"a","bundle":"/b","cgroupPath":"/c","createdAtUnixMs":12,"pid":34,"startTime":5,"kept":{"log":"/l","logBytesMax":1,"logFilesMax":2,"input":1},"later":{}}
            """u8));
    }

    [Fact]
    public void What_is_no_record_is_refused() =>
        Assert.Contains("$.pid", Assert.Throws<JsonException>(() => ContainerRecord.Parse("""{"pid":"x"}"""u8)).Message);
}
