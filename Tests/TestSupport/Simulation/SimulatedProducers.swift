internal import EventLog
internal import LogStorage

/// Idempotent producers of a simulation: each sends one batch after the other to a partition of its own, again and again until it hears that it is stored,
/// and now and then one that was stored.
struct SimulatedProducers {
    struct Producer {
        let id: Int64
        /// The partition's number.
        let place: Int
        var epoch: Int16 = 0
        var nextSequence: Int32 = 0
        /// Sent, and nobody has said that it is stored.
        var outstanding: Batch?
        /// The last ones that were stored.
        var stored: [(batch: Batch, baseOffset: Int64)] = []
    }

    struct Batch {
        let sequence: Int32
        let records: [(value: String, timestamp: Int64)]
    }

    private(set) var producers: [Producer]

    init(places: [Int]) {
        producers = places.enumerated().map { Producer(id: Int64(1000 + $0), place: $1) }
    }

    /// The batch to send: the outstanding one, or one made by `make`, or, where `repeats`, one that was stored.
    mutating func next(_ number: Int, repeats: Bool, _ make: () -> [(value: String, timestamp: Int64)]) -> Batch {
        if repeats, let last = producers[number].stored.randomElement(using: &generator) { return last.batch }
        if let outstanding = producers[number].outstanding { return outstanding }
        let batch = Batch(sequence: producers[number].nextSequence, records: make())
        producers[number].outstanding = batch
        return batch
    }

    private var generator = SeededGenerator(seed: 77)

    /// What the log has answered.
    ///
    /// - Returns: the batch's first offset, where it is stored.
    mutating func heard(_ receipt: BatchReceipt, of batch: Batch, _ number: Int) throws -> Int64? {
        switch receipt {
        case .failed: return nil
        case .refused(let refusal): throw SimulationFailure("producer \(number): \(refusal)")
        case .stored(let baseOffset, _, let isRepeated):
            let known = producers[number].stored.first { $0.batch.sequence == batch.sequence }
            if let known, !isRepeated || known.baseOffset != baseOffset {
                throw SimulationFailure(
                    "producer \(number): the batch \(batch.sequence) is at \(known.baseOffset), and came to \(baseOffset) again")
            }
            if known != nil { return baseOffset }
            producers[number].outstanding = nil
            producers[number].nextSequence += Int32(batch.records.count)
            producers[number].stored.append((batch, baseOffset))
            if producers[number].stored.count > Self.rememberedMax { producers[number].stored.removeFirst() }
            return baseOffset
        }
    }

    /// What it was told of may be gone: it begins anew, as a producer does that is refused.
    mutating func begin(_ number: Int) {
        producers[number].epoch += 1
        producers[number].nextSequence = 0
        producers[number].outstanding = nil
        producers[number].stored = []
    }

    /// One less than the log remembers: it may have one more of which nobody has heard.
    private static let rememberedMax = 4
}
