using System.Security.Cryptography.X509Certificates;

namespace Orchestrator.Transport;

/// <summary>The holder of a certificate: role (OU), id (CN), cluster (O).</summary>
public sealed record CertificateSubject(Role Role, string Id, string ClusterId)
{
    private const string CommonName = "2.5.4.3", Organization = "2.5.4.10", OrganizationalUnit = "2.5.4.11";

    public static CertificateSubject? Of(X509Certificate2 certificate)
    {
        var parts = certificate.SubjectName.EnumerateRelativeDistinguishedNames()
            .Where(part => !part.HasMultipleElements)
            .ToLookup(part => part.GetSingleElementType().Value, part => part.GetSingleElementValue());
        return RoleNames.Parse(Single(parts[OrganizationalUnit])) is { } role && Single(parts[CommonName]) is { Length: > 0 } id
            ? new CertificateSubject(role, id, Single(parts[Organization]) ?? "")
            : null;
    }

    public X500DistinguishedName ToName()
    {
        var name = new X500DistinguishedNameBuilder();
        name.AddOrganizationName(ClusterId);
        name.AddOrganizationalUnitName(Role.Name());
        name.AddCommonName(Id);
        return name.Build();
    }

    public override string ToString() => $"{Role.Name()} {Id}";

    // Two units in one subject would be two roles: such a certificate is not ours.
    private static string? Single(IEnumerable<string?> values) => values.Take(2).ToArray() is [var only] ? only : null;
}
