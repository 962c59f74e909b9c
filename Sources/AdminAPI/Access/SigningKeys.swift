package import Foundation
internal import JWTKit

/// The keys that sign administrators' tokens.
package struct SigningKeys: Sendable {
    package struct Refusal: Error { package let reason: String }

    /// RFC 7518, section 3.2: no shorter than the hash.
    private static let secretBytesMin = 32
    private static let modulusBytesMin = 256
    private static let keysMax = 64

    /// Of HS256.
    let shared: JWTKeyCollection?
    /// Of RS256 and ES256.
    let published: JWTKeyCollection?

    /// - Parameters:
    ///   - secret: for HS256, its UTF-8.
    ///   - jwks: the text of a JSON Web Key Set (RFC 7517) with keys for RS256 and ES256; others in it are left alone.
    package init(secret: String?, jwks: Data?) async throws(Refusal) {
        if let secret {
            guard secret.utf8.count >= Self.secretBytesMin else {
                throw Refusal(reason: "the secret has \(secret.utf8.count) bytes; HS256 needs \(Self.secretBytesMin) at least")
            }
            let keys = JWTKeyCollection()
            await keys.add(hmac: HMACKey(from: secret), digestAlgorithm: .sha256)
            shared = keys
        } else {
            shared = nil
        }
        published = if let jwks { try await Self.collection(jwks) } else { nil }
    }

    private static func collection(_ jwks: Data) async throws(Refusal) -> JWTKeyCollection {
        guard let set = try? JSONSerialization.jsonObject(with: jwks) as? [String: Any],
            let keys = set["keys"] as? [[String: Any]]
        else { throw Refusal(reason: "it is no JSON Web Key Set: an object with a list \"keys\"") }
        let collection = JWTKeyCollection()
        var names: Set<String> = []
        for (number, key) in keys.enumerated() {
            guard let algorithm = try algorithm(key, number) else { continue }
            do {
                var jwk = try JSONDecoder().decode(JWK.self, from: JSONSerialization.data(withJSONObject: key))
                jwk.algorithm = algorithm
                let name = jwk.keyIdentifier?.string ?? "number \(number) of the set"
                jwk.keyIdentifier = JWKIdentifier(string: name)
                guard names.insert(name).inserted else { throw Refusal(reason: "two of its keys have the kid \"\(name)\"") }
                try await collection.add(jwk: jwk)
            } catch let refusal as Refusal {
                throw refusal
            } catch {
                throw Refusal(reason: "key \(number) of the set cannot be used: \(error)")
            }
        }
        guard !names.isEmpty, names.count <= keysMax else {
            throw Refusal(reason: "it has \(names.count) keys for RS256 or ES256; there must be 1 to \(keysMax)")
        }
        return collection
    }

    /// nil for a key of another kind, or for another use.
    private static func algorithm(_ key: [String: Any], _ number: Int) throws(Refusal) -> JWK.Algorithm? {
        if let use = key["use"] as? String, use != "sig" { return nil }
        let (algorithm, wanted): (JWK.Algorithm, String)
        switch key["kty"] as? String {
        case "RSA": (algorithm, wanted) = (.rs256, "RS256")
        case "EC" where key["crv"] as? String == "P-256": (algorithm, wanted) = (.es256, "ES256")
        default: return nil
        }
        if let named = key["alg"] as? String, named != wanted { return nil }
        // Base64: four characters for three bytes.
        if wanted == "RS256", let modulus = key["n"] as? String, modulus.utf8.count * 3 / 4 < modulusBytesMin {
            throw Refusal(reason: "key \(number) of the set is too short; an RSA key needs \(modulusBytesMin * 8) bits")
        }
        return algorithm
    }
}
