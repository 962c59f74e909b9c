internal import Synchronization

/// Remembers the facts of user agents, within bounds. Any number of threads may use it at once: it is in parts, of which each has
/// its own lock, held while an entry is looked up and not while user agents are parsed.
///
/// Which strings share a place nobody outside can know: Swift's hasher is SipHash with a key that is drawn when the process starts.
package final class UserAgentCache: Sendable {
    /// Of the whole cache.
    package struct Bounds: Sendable {
        package var entriesMax: Int
        package var bytesMax: Int

        /// An entry takes about 650 bytes with a usual user agent, so the number counts; with long ones the bytes do.
        package init(entriesMax: Int = 16_384, bytesMax: Int = 16 << 20) {
            precondition(entriesMax >= 0)
            precondition(bytesMax >= 0)
            self.entriesMax = entriesMax
            self.bytesMax = bytesMax
        }
    }

    package struct Statistics: Sendable, Equatable {
        package var hits = 0
        package var misses = 0
        package var evictions = 0
        package var entries = 0
        package var bytes = 0
    }

    private final class Part: Sendable {
        let shard: Mutex<UserAgentCacheShard>

        init(_ shard: consuming UserAgentCacheShard) { self.shard = Mutex(shard) }
    }

    private static let partCount = 16

    private let parts: [Part]

    package init(bounds: Bounds = Bounds()) {
        parts = (0..<Self.partCount).map { _ in
            Part(
                UserAgentCacheShard(
                    entriesMax: max(1, bounds.entriesMax / Self.partCount), bytesMax: bounds.bytesMax / Self.partCount))
        }
    }

    /// What is known of `userAgent`; where nothing is, what `make` says, which is remembered.
    package func facts(for userAgent: UnsafeRawBufferPointer, orMake make: () -> UserAgentFacts) -> UserAgentFacts {
        var hasher = Hasher()
        hasher.combine(bytes: userAgent)
        let hash = hasher.finalize()
        // The dictionaries begin with the lowest bits of what they make of this, so any bits do.
        let part = parts[hash & (Self.partCount - 1)]
        if let facts = part.shard.withLock({ $0.find(userAgent, hash: hash) }) { return facts }
        let facts = make()
        part.shard.withLock { $0.insert(facts, hash: hash) }
        return facts
    }

    package var statistics: Statistics {
        parts.reduce(into: Statistics()) { sum, part in
            part.shard.withLock {
                sum.hits += $0.hits
                sum.misses += $0.misses
                sum.evictions += $0.evictions
                sum.entries += $0.count
                sum.bytes += $0.byteCount
            }
        }
    }

    /// For tests.
    package func checkInvariants() {
        for part in parts { part.shard.withLock { $0.checkInvariants() } }
    }
}
