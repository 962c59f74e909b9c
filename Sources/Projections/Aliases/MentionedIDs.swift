internal import EventModel
internal import Synchronization

/// Which ids something was said of: a Bloom filter. It may hold one that nothing was said of, and never misses one of which something was; so most
/// ids need not be looked up. With 2 million of them some 2 % of the others are taken for one.
final class MentionedIDs: Sendable {
    /// 2 MiB.
    private static let bitCount = 1 << 24
    /// Bits of an id.
    private static let probeCount = 4

    private let isFilled = Mutex(false)
    private let words = Mutex([UInt64](repeating: 0, count: bitCount / 64))

    /// Has what was there before be inserted, when somebody asks for the first time; what comes is inserted as it comes.
    func fillOnce(_ fill: () throws -> Void) rethrows {
        if isFilled.withLock({ $0 }) { return }
        // Twice does no harm.
        try fill()
        isFilled.withLock { $0 = true }
    }

    func insert(_ id: ExactText) {
        let places = Self.places(of: id)
        words.withLock { words in for place in places { words[place / 64] |= 1 << UInt64(place % 64) } }
    }

    func mayHold(_ id: ExactText) -> Bool {
        let places = Self.places(of: id)
        return words.withLock { words in places.allSatisfy { words[$0 / 64] & 1 << UInt64($0 % 64) != 0 } }
    }

    /// By two hashes, of which each place is a sum (Kirsch and Mitzenmacher).
    private static func places(of id: ExactText) -> [Int] {
        var hasher = Hasher()
        hasher.combine(id)
        let first = UInt64(bitPattern: Int64(hasher.finalize()))
        let second = (first >> 32 | first << 32) &* 0x9E37_79B9_7F4A_7C15 | 1
        return (0..<probeCount).map { Int((first &+ UInt64($0) &* second) % UInt64(bitCount)) }
    }
}
