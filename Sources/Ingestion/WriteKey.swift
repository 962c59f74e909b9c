internal import EventModel

/// A key that lets its holder write events.
package struct WriteKey: Sendable, Equatable {
    package var key: String
    /// What metrics and records call it; the key itself appears nowhere.
    package var name: String
    /// Origins whose pages may use it; empty: all.
    package var allowedOrigins: [String]
    /// Keeps the client's own `context.ip`: for servers that send on behalf of others.
    package var trustsClientContext: Bool
    package var isDisabled: Bool
    /// What one client address may send with it, instead of what the configuration says for all; 0: no limit.
    package var addressEventsPerSecond: Int?
    /// Its place in the ring; nil for one that is in none.
    fileprivate(set) var number: Int?

    package init(
        key: String, name: String = "default", allowedOrigins: [String] = [], trustsClientContext: Bool = false,
        isDisabled: Bool = false, addressEventsPerSecond: Int? = nil
    ) {
        self.key = key
        self.name = name
        self.allowedOrigins = allowedOrigins
        self.trustsClientContext = trustsClientContext
        self.isDisabled = isDisabled
        self.addressEventsPerSecond = addressEventsPerSecond
    }
}

/// All write keys of a service.
package struct WriteKeyRing: Sendable {
    private let keys: [WriteKey]

    package init(_ keys: [WriteKey]) {
        self.keys = keys.enumerated().map { number, key in
            var key = key
            key.number = number
            return key
        }
    }

    /// The key of this name, also a disabled one; where it is not configured any more, one without rights. Of several, it has the rights
    /// that all of them have.
    func named(_ name: String) -> WriteKey {
        let named = keys.filter { ExactText($0.name) == ExactText(name) }
        guard var key = named.first else { return WriteKey(key: "", name: name) }
        key.trustsClientContext = named.allSatisfy(\.trustsClientContext)
        return key
    }

    /// By number; two keys may have the same.
    package var names: [String] { keys.map(\.name) }

    /// Returns the key that `candidate` is, if it may be used from `origin`. The time this takes depends on the candidate's
    /// length and the number of keys, not on how much of a key was guessed right.
    package func authorize(_ candidate: String, origin: String?) throws(IngestError) -> WriteKey {
        var found: WriteKey?
        for key in keys where Self.equalInConstantTime(candidate, key.key) { found = key }
        guard let found else { throw IngestError(.unknownWriteKey, "the write key is not known here") }
        guard !found.isDisabled else { throw IngestError(.writeKeyDisabled, "the write key \(found.name) is disabled") }
        if let origin, !found.allowedOrigins.isEmpty, !found.allowedOrigins.contains(origin) {
            throw IngestError(.originNotAllowed, "the write key \(found.name) may not be used from \(origin)")
        }
        return found
    }

    /// Whether any key may be used from `origin`: what a CORS preflight, which carries no key, is answered by.
    package func allowsOrigin(_ origin: String) -> Bool {
        keys.contains { !$0.isDisabled && ($0.allowedOrigins.isEmpty || $0.allowedOrigins.contains(origin)) }
    }

    private static func equalInConstantTime(_ a: String, _ b: String) -> Bool {
        var (a, b) = (a, b)
        return a.withUTF8 { a in
            b.withUTF8 { b in
                guard !b.isEmpty else { return false }
                var difference = a.count ^ b.count
                var behind = 0
                for byte in a {
                    difference |= Int(byte ^ b[behind])
                    behind = behind + 1 == b.count ? 0 : behind + 1
                }
                return difference == 0
            }
        }
    }
}
