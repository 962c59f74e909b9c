internal import JWTKit

/// What a JSON Web Token says of its bearer (RFC 7519), as far as an administrator's matters.
struct AdminClaims: JWTPayload {
    /// Where roles stand: the common names, and .NET's.
    private static let roleNames = ["role", "roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"]
    private static let role = "Admin"

    /// Seconds since 1970.
    let expiry: Double?
    let notBefore: Double?
    let issuer: String?
    let audiences: [String]
    let isAdmin: Bool

    private struct Name: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(_ name: String) { stringValue = name }
        init?(stringValue: String) { self.init(stringValue) }
        init?(intValue: Int) { nil }
    }

    init(from decoder: any Decoder) throws {
        let claims = try decoder.container(keyedBy: Name.self)
        expiry = try claims.decodeIfPresent(Double.self, forKey: Name("exp"))
        notBefore = try claims.decodeIfPresent(Double.self, forKey: Name("nbf"))
        issuer = try claims.decodeIfPresent(String.self, forKey: Name("iss"))
        audiences = Self.texts(claims, "aud")
        isAdmin = Self.roleNames.contains { Self.texts(claims, $0).contains(Self.role) }
    }

    /// A text, or the texts of a list.
    private static func texts(_ claims: KeyedDecodingContainer<Name>, _ name: String) -> [String] {
        if let one = try? claims.decode(String.self, forKey: Name(name)) { return [one] }
        return (try? claims.decode([String].self, forKey: Name(name))) ?? []
    }

    func encode(to encoder: any Encoder) throws {
        preconditionFailure("nobody is given a token here")
    }

    /// What the claims say is checked by `TokenVerifier`, which knows what is expected.
    func verify(using algorithm: some JWTAlgorithm) async throws {}
}
