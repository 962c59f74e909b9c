package import KafkaProtocol

/// What a connection has to say of itself before anything else is served: SASL PLAIN (RFC 4616) as Kafka's clients speak it. It has no I/O.
///
/// ```
/// new ──handshake──► chosen ──authenticate──► known
///  └──────────────── nobody has to say who it is ───► known
/// ```
package struct Login {
    private enum State {
        case new
        /// The mechanism is chosen.
        case chosen
        case known(User)
    }

    private var state: State
    private let users: [User]

    package static let mechanism = "PLAIN"

    /// - Parameter users: empty: nobody has to say who it is.
    package init(users: [User]) {
        self.users = users
        state = users.isEmpty ? .known(.anyone) : .new
    }

    /// nil: it has not said who it is.
    package var user: User? { if case .known(let user) = state { user } else { nil } }

    /// Whether a request may be served now.
    package func allows(_ api: APIKey) -> Bool {
        switch api {
        case .apiVersions, .saslHandshake: true
        case .saslAuthenticate: true
        default: user != nil
        }
    }

    package mutating func handshake(_ request: SASLHandshakeRequest) -> SASLHandshakeResponse {
        var response = SASLHandshakeResponse()
        response.mechanisms = [Self.mechanism]
        if users.isEmpty {
            response.error = .illegalSASLState
        } else if request.mechanism != Self.mechanism {
            response.error = .unsupportedSASLMechanism
        } else if case .new = state {
            state = .chosen
        } else {
            response.error = .illegalSASLState
        }
        return response
    }

    package mutating func authenticate(_ request: SASLAuthenticateRequest) -> SASLAuthenticateResponse {
        var response = SASLAuthenticateResponse()
        guard case .chosen = state else {
            response.error = .illegalSASLState
            response.errorMessage = users.isEmpty ? "nobody has to log in here" : "a SaslHandshake must come first"
            return response
        }
        state = .new
        guard let user = user(request.authBytes) else {
            response.error = .saslAuthenticationFailed
            response.errorMessage = "Authentication failed: Invalid username or password"
            return response
        }
        state = .known(user)
        return response
    }

    /// `[authzid] NUL user NUL password`: on whose behalf must be nobody else's.
    private func user(_ bytes: [UInt8]) -> User? {
        let parts = bytes.split(separator: 0, omittingEmptySubsequences: false)
        guard parts.count == 3 else { return nil }
        var found: User?
        for user in users where Self.isSame(parts[1], user.name) {
            if Self.isSame(parts[2], user.password), parts[0].isEmpty || parts[0] == parts[1] { found = user }
        }
        return found
    }

    /// In a time that does not tell where the two differ.
    private static func isSame(_ bytes: ArraySlice<UInt8>, _ text: String) -> Bool {
        let expected = Array(text.utf8)
        var difference: UInt8 = bytes.count == expected.count ? 0 : 1
        for (place, byte) in bytes.enumerated() where !expected.isEmpty { difference |= byte ^ expected[place % expected.count] }
        return difference == 0
    }
}
