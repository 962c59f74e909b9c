internal import Consumption
internal import EventLog
internal import Ingestion
internal import Projections
internal import RecordFormat

/// One reader's way through a topic, as server-sent events. The id of each says how far the reader has come in every partition, so
/// that one who comes again goes on at the very next record.
struct LiveTail {
    /// Bytes of one piece, above which it ends.
    private static let pieceBytes = 64 << 10
    /// Bytes that are looked through for one piece, above which it ends.
    private static let lookedAtMax = 4 << 20

    struct Piece: ~Copyable {
        let bytes: GrowableBytes
        /// Bytes of the batches that were looked through for it.
        let lookedAt: Int
        /// Nothing more has come to rest.
        let isAtEnd: Bool
    }

    private let feed: LogFeed
    private let topic: TopicDefinition
    private let filter: RecordFilter
    private let partitions: [Int]
    private(set) var positions: [Int64]
    /// The partition that is looked at first.
    private var turn = 0

    /// - Parameter positions: of each partition, the first record to give.
    init(feed: LogFeed, topic: TopicDefinition, filter: RecordFilter, positions: [Int64]) {
        self.feed = feed
        self.topic = topic
        self.filter = filter
        self.positions = positions
        partitions = filter.partition(of: topic.partitionCount).map { [$0] } ?? Array(0..<topic.partitionCount)
    }

    /// Where a topic ends now.
    static func ends(_ topic: TopicDefinition, _ feed: LogFeed) throws(LogError) -> [Int64] {
        var ends: [Int64] = []
        for number in 0..<topic.partitionCount {
            ends.append(try feed.bounds(of: TopicPartition(topic.name, PartitionID(number))).highWatermark.value)
        }
        return ends
    }

    private var id: String { OpaqueNumbers.text(positions) }

    /// A sign of life, which also moves the reader's id over what its filter has left out.
    var heartbeat: String { "id: \(id)\n: \n\n" }

    /// The last event of a reader that cannot keep up.
    var farewell: String {
        "id: \(id)\nevent: dropped\ndata: {\"reason\":\"events come faster than they are taken here; come again with this id, or ask for fewer\"}\n\n"
    }

    /// What comes next; the partitions take turns.
    mutating func next() async throws -> Piece {
        var bytes = GrowableBytes()
        var (isAtEnd, lookedAt) = (true, 0)
        defer { turn = (turn + 1) % partitions.count }
        for number in 0..<partitions.count {
            let partition = partitions[(turn + number) % partitions.count]
            if bytes.count >= Self.pieceBytes || lookedAt >= Self.lookedAtMax {
                return Piece(bytes: bytes, lookedAt: lookedAt, isAtEnd: false)
            }
            if try await !add(partition, to: &bytes, &lookedAt) { isAtEnd = false }
        }
        return Piece(bytes: bytes, lookedAt: lookedAt, isAtEnd: isAtEnd)
    }

    /// False where there is more.
    private mutating func add(_ number: Int, to bytes: inout GrowableBytes, _ lookedAt: inout Int) async throws -> Bool {
        let partition = TopicPartition(topic.name, PartitionID(number))
        let bounds = try feed.bounds(of: partition)
        if positions[number] < bounds.start.value {
            gap(number, positions[number]..<bounds.start.value, "retention has removed them", to: &bytes)
        }
        guard positions[number] < bounds.settled.value, let batches = try await feed.read(partition, from: positions[number]),
            let next = batches.nextOffset
        else { return true }
        lookedAt += batches.byteCount
        for lost in batches.gaps where lost.offsets.upperBound > positions[number] {
            // Those in front of it first.
            if !add(batches, number, below: lost.offsets.lowerBound, to: &bytes) { return false }
            gap(number, max(positions[number], lost.offsets.lowerBound)..<lost.offsets.upperBound, lost.reason, to: &bytes)
        }
        if !add(batches, number, below: next, to: &bytes) { return false }
        positions[number] = next
        return next >= bounds.settled.value
    }

    /// False where the piece is full before.
    private mutating func add(
        _ batches: InflatedBatches, _ number: Int, below end: Int64, to bytes: inout GrowableBytes
    ) -> Bool {
        for place in batches.place(atOrAfter: positions[number])..<batches.count {
            let offset = batches.offset(at: place)
            if offset >= end { break }
            if bytes.count >= Self.pieceBytes { return false }
            batches.withRecord(at: place) { record in
                guard filter.takes(record), let value = record.value else { return }
                positions[number] = offset + 1
                begin(&bytes)
                let start = bytes.count
                PlacedEvent.append(value, partition: number, offset: offset, to: &bytes)
                Self.joinLines(&bytes, from: start)
                bytes.append("\n\n")
            }
        }
        return true
    }

    private mutating func gap(_ number: Int, _ offsets: Range<Int64>, _ reason: String, to bytes: inout GrowableBytes) {
        positions[number] = offsets.upperBound
        begin(&bytes, "gap")
        bytes.append("{\"partition\":")
        bytes.append(decimal: number)
        bytes.append(",\"from\":")
        bytes.append(decimal: Int(offsets.lowerBound))
        bytes.append(",\"to\":")
        bytes.append(decimal: Int(offsets.upperBound - 1))
        bytes.append(",\"reason\":")
        JSONWriter.append(string: reason, to: &bytes)
        bytes.append("}\n\n")
    }

    private func begin(_ bytes: inout GrowableBytes, _ name: StaticString? = nil) {
        bytes.append("id: ")
        bytes.append(utf8: id)
        if let name {
            bytes.append("\nevent: ")
            bytes.append(name)
        }
        bytes.append("\ndata: ")
    }

    /// JSON may have ends of lines between its parts, and the event would end there.
    private static func joinLines(_ bytes: inout GrowableBytes, from start: Int) {
        let all = UnsafeMutableRawBufferPointer(start: bytes.base, count: bytes.count)
        for place in start..<all.count where all[place] == UInt8(ascii: "\n") || all[place] == UInt8(ascii: "\r") {
            all[place] = UInt8(ascii: " ")
        }
    }
}
