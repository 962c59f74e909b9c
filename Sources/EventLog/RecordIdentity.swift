/// A record's messageId as a keyed hash: the first 96 bits of its SipHash-2-4-128. Two different ids collide with a probability
/// of 2^-96 a pair, and the key, secret to each data directory, keeps clients from looking for collisions.
package struct RecordIdentity: Hashable, Sendable {
    package let high: UInt64
    package let low: UInt32

    package init(high: UInt64, low: UInt32) {
        self.high = high
        self.low = low
    }
}

/// Makes identities under one log's key.
package struct RecordIdentityHasher: Sendable, Equatable {
    package let key: SipHash128.Key

    package init(key: SipHash128.Key) { self.key = key }

    package func identity(of messageID: UnsafeRawBufferPointer) -> RecordIdentity {
        let (first, second) = SipHash128.hash(messageID, key: key)
        return RecordIdentity(high: first, low: UInt32(truncatingIfNeeded: second))
    }
}

/// A stored record's identity and where it stands: what deduplication is restored from.
package struct StoredIdentity: Equatable, Sendable {
    package let identity: RecordIdentity
    /// The record's timestamp, in whole seconds since 1970.
    package let timestampSeconds: UInt32
    package let offset: Offset

    package init(identity: RecordIdentity, offset: Offset, timestampSeconds: UInt32) {
        self.identity = identity
        self.timestampSeconds = timestampSeconds
        self.offset = offset
    }
}
