internal import AdminAPI
internal import Foundation

/// Whose JSON Web Tokens make administrators.
package struct JWTSettings: Sendable {
    package var secret: String?
    package var keySetFile: String?
    package var issuer: String?
    package var audience: String?

    package init() {}

    init(_ sources: ConfigurationSources) throws {
        func text(_ name: String) throws -> String? {
            let path = "Admin.JWT.\(name)"
            let text = try sources.text(path)
            if text?.isEmpty == true { throw ConfigurationError("\(path) is empty") }
            return text
        }
        secret = try text("Secret")
        keySetFile = try text("JwksFile")
        issuer = try text("Issuer")
        audience = try text("Audience")
        if secret == nil, keySetFile == nil, let alone = issuer == nil ? audience.map({ _ in "Audience" }) : "Issuer" {
            throw ConfigurationError(
                "Admin.JWT.\(alone) is set, and neither Admin.JWT.Secret nor Admin.JWT.JwksFile: no token could be checked")
        }
    }

    /// Reads the keys; nil where no tokens are taken.
    func verifier() async throws -> TokenVerifier? {
        if secret == nil, keySetFile == nil { return nil }
        // One after the other, so that the error names the key at fault.
        do { _ = try await SigningKeys(secret: secret, jwks: nil) } catch {
            throw ConfigurationError("Admin.JWT.Secret: \(error.reason)")
        }
        var keySet: Data?
        if let keySetFile {
            do { keySet = try Data(contentsOf: URL(fileURLWithPath: keySetFile)) } catch {
                throw ConfigurationError("Admin.JWT.JwksFile: \(keySetFile) cannot be read: \(error.localizedDescription)")
            }
        }
        do {
            let keys = try await SigningKeys(secret: secret, jwks: keySet)
            return TokenVerifier(keys: keys, issuer: issuer, audience: audience, now: { Date().timeIntervalSince1970 })
        } catch {
            throw ConfigurationError("Admin.JWT.JwksFile: \(keySetFile ?? ""): \(error.reason)")
        }
    }
}
