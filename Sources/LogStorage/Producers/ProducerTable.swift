internal import EventLog
internal import RecordFormat

/// What a partition remembers of idempotent producers, so that a batch which comes again is not stored again, and none comes before the one that
/// it follows. It follows from the batches in the log.
///
/// Invariants:
/// 1. Of each producer there are 1 to `batchesMax` batches, in the order of their offsets, all of one epoch, and their sequence numbers follow each other.
/// 2. At most `producersMax` producers: those that have written nothing for longest go first.
struct ProducerTable: Equatable, Sendable {
    /// As many as a client may have on their way at once (`max.in.flight.requests.per.connection`).
    static let batchesMax = 5
    static let producersMax = 4096

    struct Batch: Equatable, Sendable {
        let firstSequence: Int32
        let lastSequence: Int32
        let baseOffset: Int64
    }

    struct Producer: Equatable, Sendable {
        var epoch: Int16
        var batches: [Batch]

        var last: Batch { batches[batches.count - 1] }
    }

    private(set) var producers: [Int64: Producer] = [:]

    init() {}

    /// nil where these are too many.
    init?(_ producers: [Int64: Producer]) {
        guard producers.count <= Self.producersMax else { return nil }
        self.producers = producers
    }

    enum Verdict: Equatable {
        case append
        /// It is there, with this first offset.
        case repeated(baseOffset: Int64)
        case refused(ProducerRefusal)
    }

    var isEmpty: Bool { producers.isEmpty }

    /// What is to be done with a batch.
    func verdict(on header: RecordBatchHeader) -> Verdict {
        guard header.hasProducer, let producer = producers[header.producerID] else {
            // Whoever is not known may begin anywhere: what it wrote before may have gone with retention.
            return .append
        }
        if header.producerEpoch < producer.epoch {
            return .refused(.fenced(epoch: header.producerEpoch, current: producer.epoch))
        }
        if header.producerEpoch > producer.epoch {
            return header.baseSequence == 0 ? .append : .refused(.outOfOrder(expected: 0, found: header.baseSequence))
        }
        if let batch = producer.batches.first(where: {
            $0.firstSequence == header.baseSequence && $0.lastSequence == header.lastSequence
        }) {
            return .repeated(baseOffset: batch.baseOffset)
        }
        let expected = Self.following(producer.last.lastSequence)
        if header.baseSequence == expected { return .append }
        return Self.isBefore(header.baseSequence, expected)
            ? .refused(.tooOld(lastSequence: producer.last.lastSequence, found: header.baseSequence))
            : .refused(.outOfOrder(expected: expected, found: header.baseSequence))
    }

    /// A batch is in the log now, at its offset.
    mutating func note(_ header: RecordBatchHeader) {
        guard header.hasProducer else { return }
        let batch = Batch(
            firstSequence: header.baseSequence, lastSequence: header.lastSequence, baseOffset: header.baseOffset)
        if var producer = producers[header.producerID], producer.epoch == header.producerEpoch,
            Self.following(producer.last.lastSequence) == header.baseSequence
        {
            if producer.batches.count == Self.batchesMax { producer.batches.removeFirst() }
            producer.batches.append(batch)
            producers[header.producerID] = producer
        } else {
            producers[header.producerID] = Producer(epoch: header.producerEpoch, batches: [batch])
            if producers.count > Self.producersMax { removeOldestTenth() }
        }
    }

    /// Puts back what was known of a producer; nil: nothing.
    mutating func restore(_ producer: Producer?, of id: Int64) { producers[id] = producer }

    /// Many at once, so that not every new one costs a look at all.
    private mutating func removeOldestTenth() {
        let oldest = producers.sorted { $0.value.last.baseOffset < $1.value.last.baseOffset }
        for (id, _) in oldest.prefix(Self.producersMax / 10) { producers[id] = nil }
    }

    /// The sequence number behind `sequence`: 0 follows the greatest.
    static func following(_ sequence: Int32) -> Int32 { sequence == .max ? 0 : sequence + 1 }

    /// Numbers go round: those of the half before `other` lie before it.
    private static func isBefore(_ sequence: Int32, _ other: Int32) -> Bool {
        (Int64(other) - Int64(sequence) + sequenceCount) % sequenceCount < sequenceCount / 2
    }

    private static let sequenceCount = Int64(1) << 31
}

extension RecordBatchHeader {
    /// Whether its producer numbers its batches.
    var hasProducer: Bool { producerID >= 0 }

    /// That of the last record: numbers go round at 2^31.
    var lastSequence: Int32 {
        let last = Int64(baseSequence) + Int64(lastOffsetDelta)
        return Int32(truncatingIfNeeded: last > Int64(Int32.max) ? last - Int64(Int32.max) - 1 : last)
    }
}
