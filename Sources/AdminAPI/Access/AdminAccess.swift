internal import HTTPTypes
package import Hummingbird
package import Ingestion

/// Who may administer: whoever has the token, or a JSON Web Token that says so.
package struct AdminAccess: Sendable {
    enum Verdict: Sendable, Equatable {
        case granted
        /// Nothing was shown.
        case missing
        case refused(reason: String)
        case forbidden
        /// Too much was tried from there.
        case limited(retryAfterSeconds: Int)
    }

    private let token: [UInt8]
    private let tokens: TokenVerifier?
    private let proxies: TrustedProxies
    private let attempts: FailedAttempts

    /// - Parameters:
    ///   - token: the static one.
    ///   - tokens: nil: no others are taken.
    ///   - proxies: whom to believe from which address a request comes.
    package init(token: String, tokens: TokenVerifier?, proxies: TrustedProxies, attempts: FailedAttempts) {
        precondition(!token.isEmpty)
        self.token = Array(token.utf8)
        self.tokens = tokens
        self.proxies = proxies
        self.attempts = attempts
    }

    /// - Parameter peer: the address at the other end of the connection.
    package func isGranted(_ request: Request, peer: String) async -> Bool { await verdict(request, peer: peer) == .granted }

    func verdict(_ request: Request, peer: String) async -> Verdict {
        guard let field = request.headers[.authorization] else { return .missing }
        let parts = field.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return .missing }
        let address = address(request, peer)
        if case .refused(let seconds) = attempts.begin(address) { return .limited(retryAfterSeconds: seconds) }
        if isToken(parts[1]) {
            attempts.forgive(address)
            return .granted
        }
        guard let tokens else { return .refused(reason: "it is not the admin token") }
        // Nobody guesses a signature, and an administrator may have many requests under way.
        attempts.forgive(address)
        switch await tokens.verdict(String(parts[1])) {
        case .granted: return .granted
        case .forbidden: return .forbidden
        case .refused(let reason):
            _ = attempts.begin(address)
            return .refused(reason: reason)
        }
    }

    /// The time it takes depends on the length of what is shown, not on how much of the token was guessed right.
    private func isToken(_ shown: Substring) -> Bool {
        let candidate = shown.utf8
        var difference = candidate.count ^ token.count
        for (place, byte) in candidate.enumerated() { difference |= Int(byte ^ token[place % token.count]) }
        return difference == 0
    }

    private func address(_ request: Request, _ peer: String) -> IPAddress {
        func joined(_ name: String) -> String? {
            guard let name = HTTPField.Name(name) else { return nil }
            let values = request.headers[values: name]
            return values.isEmpty ? nil : values.joined(separator: ", ")
        }
        return proxies.clientAddress(
            peer: IPAddress(peer) ?? IPAddress(ipv4: 0), xForwardedFor: joined("X-Forwarded-For"), forwarded: joined("Forwarded"))
    }
}
