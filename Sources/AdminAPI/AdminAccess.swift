internal import HTTPTypes
package import Hummingbird

/// Who may administer: whoever has the token.
package struct AdminAccess: Sendable {
    private let token: [UInt8]

    package init(token: String) {
        precondition(!token.isEmpty)
        self.token = Array(token.utf8)
    }

    /// Whether a request carries `Authorization: Bearer` with the token. The time it takes depends on the length of what it carries,
    /// not on how much of the token was guessed right.
    package func isGranted(_ request: Request) -> Bool {
        guard let field = request.headers[.authorization] else { return false }
        let parts = field.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return false }
        let candidate = parts[1].utf8
        var difference = candidate.count ^ token.count
        for (place, byte) in candidate.enumerated() { difference |= Int(byte ^ token[place % token.count]) }
        return difference == 0
    }
}
