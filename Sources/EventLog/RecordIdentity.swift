/// A record's messageId as a keyed hash: the first 96 bits of its SipHash-2-4-128. Two different ids collide with a probability
/// of 2^-96 a pair, and the key, secret to each data directory, keeps clients from looking for collisions.
public struct RecordIdentity: Hashable, Sendable {
    public let high: UInt64
    public let low: UInt32

    public init(high: UInt64, low: UInt32) {
        self.high = high
        self.low = low
    }
}

/// Makes identities under one log's key.
public struct RecordIdentityHasher: Sendable, Equatable {
    public let key: SipHash128.Key

    public init(key: SipHash128.Key) { self.key = key }

    public func identity(of messageID: UnsafeRawBufferPointer) -> RecordIdentity {
        let (first, second) = SipHash128.hash(messageID, key: key)
        return RecordIdentity(high: first, low: UInt32(truncatingIfNeeded: second))
    }
}

/// A stored record's identity and where it stands: what deduplication is restored from.
public struct StoredIdentity: Equatable, Sendable {
    public let identity: RecordIdentity
    /// The record's timestamp, in whole seconds since 1970.
    public let timestampSeconds: UInt32
    public let offset: Offset

    public init(identity: RecordIdentity, offset: Offset, timestampSeconds: UInt32) {
        self.identity = identity
        self.timestampSeconds = timestampSeconds
        self.offset = offset
    }
}
