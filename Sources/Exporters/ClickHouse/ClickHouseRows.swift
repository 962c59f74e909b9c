internal import EventLog
internal import EventModel
internal import RecordFormat

/// Rows for ClickHouse, made of records.
///
/// Sendable: one task fills it, then hands it over.
final class ClickHouseRows: @unchecked Sendable {
    /// Where a row comes from, and where its line ends.
    struct Row {
        let partition: Int
        let offset: Int64
        /// Of its messageId.
        let identity: RecordIdentity
        let end: Int
    }

    private(set) var rows: [Row] = []
    private var lines: ClickHouseLines
    private let hasher: RecordIdentityHasher
    private var packed: [UInt8]?

    /// - Parameter version: of two rows of one event the one with the larger version stays.
    init(for table: ClickHouseTable, version: Int64, hasher: RecordIdentityHasher) {
        self.hasher = hasher
        lines = ClickHouseLines(for: table, version: version)
    }

    var byteCount: Int { lines.text.count }

    /// Adds a record.
    ///
    /// - Parameters:
    ///   - owner: whose an anonymous id was at a time, in milliseconds since 1970; nil: nobody's.
    ///   - onAlias: told of an id that becomes somebody's by this event.
    /// - Throws: `JSONParser.Refusal` where the value is no JSON.
    func add(
        _ record: RecordView, partition: PartitionID, owner: (_ anonymousID: String, _ time: Int64) -> String?,
        onAlias: (ExactText) -> Void
    ) throws(JSONParser.Refusal) {
        try lines.add(record, partition: partition.number, owner: owner, onAlias: onAlias)
        let messageID = record.header("messageId") ?? UnsafeRawBufferPointer(start: nil, count: 0)
        rows.append(
            Row(partition: partition.number, offset: record.offset, identity: hasher.identity(of: messageID), end: byteCount))
    }

    // MARK: The body

    private static let headBytes = 9
    private static let checksumBytes = 16
    /// ClickHouse's number for LZ4.
    private static let lz4: UInt8 = 0x82

    /// Makes the block of all rows now, when no more are added.
    func pack() { packed = Self.block(lines.text.bytes) }

    /// Rows as one block, compressed as ClickHouse's own clients do it: a checksum (left out), the method, the block's size with these nine
    /// bytes, the size before compression, an LZ4 block. A body of one block that is cut off is refused as a whole.
    ///
    /// - Parameter places: those that are meant, rising.
    func block(_ places: [Int]) -> [UInt8] {
        if places.count == rows.count { return packed ?? Self.block(lines.text.bytes) }
        var some = GrowableBytes()
        for place in places {
            let start = place == 0 ? 0 : rows[place - 1].end
            some.append(copying: UnsafeRawBufferPointer(rebasing: lines.text.bytes[start..<rows[place].end]))
        }
        return Self.block(some.bytes)
    }

    private static func block(_ input: UnsafeRawBufferPointer) -> [UInt8] {
        var compressed = GrowableBytes()
        LZ4Block.compressWhole(input, appendingTo: &compressed)
        var body = [UInt8](repeating: 0, count: checksumBytes)
        body.reserveCapacity(checksumBytes + headBytes + compressed.count)
        body.append(lz4)
        for size in [headBytes + compressed.count, input.count] {
            withUnsafeBytes(of: UInt32(size).littleEndian) { body += $0 }
        }
        body += compressed.bytes
        return body
    }
}
