using System.Text;
using CsCheck;
using Orchestrator.Compose;
using Xunit;

namespace Orchestrator.Tests.Compose;

/// <summary>Interpolation against a second, naive statement of what each form means.</summary>
public sealed class InterpolationTests
{
    private static readonly Gen<string> s_literal = Gen.String[Gen.Char["abc -:?+/.\n\t\"'é"], 0, 6];

    private static readonly Gen<string?> s_value = Gen.OneOf(Gen.Const((string?)null), Gen.Const((string?)""), s_literal.Select(v => (string?)v), Gen.Const((string?)"${V} $$ }"));

    private static readonly Gen<Piece> s_piece = Gen.Recursive<Piece>((depth, piece) => depth > 3
        ? s_literal.Select(Piece.Literal)
        : Gen.OneOf(
            s_literal.Select(Piece.Literal),
            Gen.Const(new Piece("$$", _ => "$")),
            Gen.OneOf("V", "W", "_x1").Select(Piece.Variable),
            Gen.Select(Gen.OneOf("V", "W", "_x1"), Gen.OneOf(":-", "-", ":+", "+"), piece.List[0, 3].Select(Piece.Join), Piece.Conditional)));

    [Fact]
    public void Every_form_means_what_the_specification_says() =>
        Gen.Select(s_piece.List[0, 5].Select(Piece.Join), s_value, s_value).Sample((piece, v, w) =>
        {
            var environment = new Dictionary<string, string?> { ["V"] = v, ["W"] = w }.Where(e => e.Value is not null).ToDictionary(e => e.Key, e => e.Value!);
            Assert.Equal(piece.Meaning(n => environment.GetValueOrDefault(n)), Expand(piece.Written, environment));
        }, iter: 2_000);

    [Fact]
    public void Text_without_a_dollar_sign_stays_as_it_is() =>
        s_literal.Sample(text => Assert.Equal(text, Expand(text, [])));

    // Through the loader, as users meet it: in a quoted YAML value.
    private static string Expand(string text, Dictionary<string, string> environment)
    {
        var escaped = text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal).Replace("\t", "\\t", StringComparison.Ordinal);
        var yaml = $"services: {{ a: {{ image: x, labels: {{ it: \"{escaped}\" }} }} }}";
        var result = ComposeLoader.Load("x.yaml", "/srv/x", p => p == "x.yaml" ? new MemoryStream(Encoding.UTF8.GetBytes(yaml)) : null, environment);
        Assert.Empty(result.Errors);
        return result.Spec!.Services[0].Container.Labels["it"];
    }

    private sealed record Piece(string Written, Func<Func<string, string?>, string> Meaning)
    {
        public static Piece Literal(string text) => new(text, _ => text);

        public static Piece Variable(string name) => new($"${{{name}}}", env => env(name) ?? "");

        public static Piece Join(List<Piece> pieces) => new(string.Concat(pieces.Select(p => p.Written)), env => string.Concat(pieces.Select(p => p.Meaning(env))));

        public static Piece Conditional(string name, string sign, Piece other) => new($"${{{name}{sign}{other.Written}}}", env =>
        {
            var isSet = sign[0] == ':' ? !string.IsNullOrEmpty(env(name)) : env(name) is not null;
            return sign[^1] == '-' ? (isSet ? env(name)! : other.Meaning(env)) : isSet ? other.Meaning(env) : "";
        });
    }
}
