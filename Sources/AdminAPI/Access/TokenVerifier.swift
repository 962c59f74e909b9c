internal import Foundation
internal import JWTKit
internal import Projections

/// Says whether a JSON Web Token makes its bearer an administrator.
package struct TokenVerifier: Sendable {
    enum Verdict: Sendable, Equatable {
        case granted
        /// Somebody whom the token is about, who is no administrator.
        case forbidden
        case refused(reason: String)
    }

    /// Seconds by which clocks may differ.
    private static let leeway = 60.0

    private let keys: SigningKeys
    private let issuer: String?
    private let audience: String?
    /// Seconds since 1970.
    private let now: @Sendable () -> Double

    /// - Parameters:
    ///   - issuer: who must have made the token; nil: anybody who has a key.
    ///   - audience: for whom it must be made; nil: for anybody.
    package init(keys: SigningKeys, issuer: String?, audience: String?, now: @escaping @Sendable () -> Double) {
        self.keys = keys
        self.issuer = issuer
        self.audience = audience
        self.now = now
    }

    func verdict(_ token: String) async -> Verdict {
        guard let header = Header(token) else {
            return .refused(reason: "it is neither the admin token nor a JSON Web Token")
        }
        // Which keys are tried is ours to say and not the token's: a public key must never be taken for a secret.
        let found: JWTKeyCollection? =
            switch header.algorithm {
            case "HS256": keys.shared
            case "RS256", "ES256": keys.published
            default: nil
            }
        guard let found, !header.hasExtensions else {
            return .refused(
                reason:
                    "its header asks for what is not known here: HS256, RS256 and ES256 are, as far as there are keys for them")
        }
        guard let claims = try? await found.verify(token, as: AdminClaims.self, iteratingKeys: true) else {
            return .refused(reason: "it is not signed by a key that is known here")
        }
        return verdict(claims)
    }

    /// What matters of a token's header (RFC 7515, section 4.1). Nothing else of it is decoded: anybody may have written it.
    private struct Header: Decodable {
        let algorithm: String
        /// Some that must be understood.
        let hasExtensions: Bool

        private enum Name: String, CodingKey {
            case algorithm = "alg"
            case extensions = "crit"
        }

        init(from decoder: any Decoder) throws {
            let members = try decoder.container(keyedBy: Name.self)
            algorithm = try members.decode(String.self, forKey: .algorithm)
            hasExtensions = members.contains(.extensions)
        }

        /// nil where it is none.
        init?(_ token: String) {
            let parts = token.split(separator: ".", omittingEmptySubsequences: false)
            guard parts.count == 3 else { return nil }
            guard let json = Base64URL.bytes(parts[0]), let header = try? JSONDecoder().decode(Header.self, from: json)
            else { return nil }
            self = header
        }
    }

    private func verdict(_ claims: AdminClaims) -> Verdict {
        let now = now()
        guard let expiry = claims.expiry else { return .refused(reason: "it does not say when it expires") }
        if now >= expiry + Self.leeway { return .refused(reason: "it has expired") }
        if let notBefore = claims.notBefore, now < notBefore - Self.leeway { return .refused(reason: "it is not valid yet") }
        if let issuer, claims.issuer != issuer { return .refused(reason: "it is by another issuer") }
        if let audience, !claims.audiences.contains(audience) { return .refused(reason: "it is for another audience") }
        return claims.isAdmin ? .granted : .forbidden
    }
}
