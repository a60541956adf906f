using System.Collections;
using System.Reflection;
using System.Text;
using System.Text.Json;
using Orchestrator.Oci.Runtime;
using Xunit;

namespace Orchestrator.Tests.Oci.Runtime;

/// <summary>config.json is read by hand, and written by the serializer: each field that the one writes, the other must read.</summary>
public sealed class ConfigReaderTests
{
    [Fact]
    public void Every_field_is_read_as_it_is_written()
    {
        var config = (RuntimeConfig)Filled(typeof(RuntimeConfig));
        Assert.Equal(Text(config.ToJson()), Text(RuntimeConfig.Parse(config.ToJson()).ToJson()));
    }

    [Fact]
    public void What_is_not_known_is_passed_over()
    {
        var config = RuntimeConfig.Parse(Encoding.UTF8.GetBytes($$"""
            {"{{new string('x', 100)}}": [{"a": {} }], "hostname": "h\u00e9", "linux": {"new": {"mounts": null}, "cgroupsPath": "/a"}, "hooks": null, "hostn\u0061me": "b"}
            """));
        Assert.Equal("b", config.Hostname);
        Assert.Equal("/a", config.Linux.CgroupsPath);
        Assert.Null(config.Hooks);
    }

    [Theory]
    [InlineData("""{"linux": {"seccomp": {"syscalls": [{}, {"args": [{"op": "x"}, {"value": -1}]}]}}}""", "$.linux.seccomp.syscalls[1].args[1].value is -1; accepted: a whole number from 0 to 18446744073709551615")]
    [InlineData("""{"a": [[1], {"b": 2}], "mounts": [{"options": []}, {"options": ["a", null]}]}""", "$.mounts[1].options[1] is null; accepted: a string")]
    [InlineData("""{"process": {"user": {"uid": 1.5}}}""", "$.process.user.uid is 1.5; accepted: a whole number from 0 to 4294967295")]
    [InlineData("""{"linux": {"resources": {"rdma": {"a": 1}}}}""", "$.linux.resources.rdma.a is 1; accepted: an object")]
    [InlineData("""{"root": {"readonly": "yes"}}""", "$.root.readonly is \"yes\"; accepted: true or false")]
    [InlineData("[]", "$ is a list; accepted: an object")]
    public void A_wrong_value_is_named_with_its_path(string json, string message) =>
        Assert.Equal(message, Assert.Throws<JsonException>(() => RuntimeConfig.Parse(Encoding.UTF8.GetBytes(json))).Message);

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("{} {}")]
    [InlineData("""{"root": {"path": "x"}""")]
    [InlineData("""{"mounts": [{}""")]
    [InlineData("""{"annotations": {"a": "b" """)]
    [InlineData("""{"hostname": "x",}""")]
    public void What_is_no_json_is_refused(string json) =>
        Assert.ThrowsAny<JsonException>(() => RuntimeConfig.Parse(Encoding.UTF8.GetBytes(json)));

    [Theory]
    [InlineData("{\"hostname\": \"\u00ff\"}")]
    [InlineData("{\"host\u00ff\": 1}")]
    [InlineData("{\"annotations\": {\"\u00ff\": \"a\"}}")]
    [InlineData("{\"root\": {\"readonly\": \"\u00ff\"}}")]
    [InlineData("{\"hostname\": \"\\ud800\"}")]
    public void What_is_no_UTF_8_is_refused(string latin) =>
        Assert.ThrowsAny<JsonException>(() => RuntimeConfig.Parse(Encoding.Latin1.GetBytes(latin)));

    // An object of the type with something in every field that is not what the field has by default.
    private static object Filled(Type type)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type == typeof(string))
            return "text";
        if (type == typeof(bool))
            return true;
        if (type == typeof(JsonElement))
            return JsonDocument.Parse("""{"a": [1]}""").RootElement;
        if (type.IsPrimitive)
            return Convert.ChangeType(7, type, null);
        if (type.IsGenericType)
            return FilledCollection(type.GetGenericArguments());
        var value = Activator.CreateInstance(type)!;
        foreach (var property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(p => p.CanWrite))
            property.SetValue(value, Filled(property.PropertyType));
        return value;
    }

    private static object FilledCollection(Type[] of)
    {
        if (of.Length == 1)
        {
            var list = Array.CreateInstance(of[0], 1);
            list.SetValue(Filled(of[0]), 0);
            return list;
        }
        var byName = (IDictionary)Activator.CreateInstance(typeof(Dictionary<,>).MakeGenericType(of))!;
        byName["name"] = Filled(of[1]);
        return byName;
    }

    private static string Text(byte[] json) => Encoding.UTF8.GetString(json);
}
