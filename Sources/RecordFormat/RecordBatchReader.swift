/// A record as it stands in an inflated batch; the bytes are valid only inside the closure that received it.
public struct RecordView {
    public let offset: Int64
    /// Milliseconds since 1970.
    public let timestamp: Int64
    public let key: UnsafeRawBufferPointer?
    public let value: UnsafeRawBufferPointer?
    /// The headers' own bytes: count, then name and value of each.
    let headerBytes: UnsafeRawBufferPointer

    init(
        offset: Int64, timestamp: Int64, key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?,
        headerBytes: UnsafeRawBufferPointer
    ) {
        self.offset = offset
        self.timestamp = timestamp
        self.key = key
        self.value = value
        self.headerBytes = headerBytes
    }

    /// What the headers take, their count included.
    public var headerByteCount: Int { headerBytes.count }

    /// Reads a `RecordBody`; nil where it is none.
    public init?(ofBody body: UnsafeRawBufferPointer, offset: Int64, timestamp: Int64) {
        var position = 0
        guard let key = readField(body, at: &position), let value = readField(body, at: &position),
            headersAreWellFormed(body, from: position)
        else { return nil }
        self.init(
            offset: offset, timestamp: timestamp, key: key, value: value,
            headerBytes: UnsafeRawBufferPointer(rebasing: body[position...]))
    }

    /// The value of the first header called `name`, where there is one with a value.
    public func header(_ name: StaticString) -> UnsafeRawBufferPointer? {
        var found: UnsafeRawBufferPointer?
        forEachHeader { headerName, value in
            guard found == nil, headerName.count == name.utf8CodeUnitCount else { return }
            let wanted = UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
            if headerName.elementsEqual(wanted) { found = value }
        }
        return found
    }

    /// Appends its `RecordBody`.
    public func append(bodyTo target: inout GrowableBytes) {
        for field in [key, value] {
            if let field { RecordBody.appendField(field, to: &target) } else { RecordBody.appendAbsentField(to: &target) }
        }
        target.append(copying: headerBytes)
    }

    public func forEachHeader(_ body: (_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer?) -> Void) {
        var position = 0
        // The reader has checked these bytes; the guards keep a mistake there from reading past the end.
        guard let count = Varint.read(headerBytes, at: &position), count > 0 else { return }
        for _ in 0..<count {
            guard let name = readField(headerBytes, at: &position), let name else { return }
            guard let value = readField(headerBytes, at: &position) else { return }
            body(name, value)
        }
    }
}

/// Checks and opens record batches. Reused batch after batch; it keeps its memory. For one thread at a time.
public struct RecordBatchReader: ~Copyable {
    /// The most that one batch's records may inflate to. Ours stay far below; a stored batch above is damage.
    public static let inflatedBytesMax = 128 << 20

    private var decompressor = RecordDecompressor()
    private var inflated = GrowableBytes()

    public init() {}

    /// The memory that it keeps for the next batch, in bytes.
    public var keptBytes: Int { inflated.capacity }

    /// Reads the head of the batch that `bytes` starts with, and checks length and checksum.
    public static func checkedHeader(_ bytes: UnsafeRawBufferPointer) throws(RecordFormatError) -> RecordBatchHeader {
        let header = try RecordBatchHeader(reading: bytes)
        guard bytes.count >= header.totalBytes else {
            throw .truncated(needed: header.totalBytes, available: bytes.count)
        }
        let computed = CRC32C.checksum(
            UnsafeRawBufferPointer(rebasing: bytes[RecordBatchHeader.checksumStart..<header.totalBytes]))
        guard computed == header.checksum else {
            throw .checksumMismatch(stored: header.checksum, computed: computed)
        }
        return header
    }

    /// Calls `body` with each record of the batch that `bytes` starts with, in offset order; a control batch has none for
    /// us. The checksum is not checked again: use `checkedHeader` first where the bytes are not known to be good.
    public mutating func forEachRecord(
        in bytes: UnsafeRawBufferPointer, header: RecordBatchHeader, _ body: (RecordView) -> Void
    ) throws(RecordFormatError) {
        guard bytes.count >= header.totalBytes else {
            throw .truncated(needed: header.totalBytes, available: bytes.count)
        }
        if header.isControlBatch { return }
        if header.codec == 0 {
            let payload = UnsafeRawBufferPointer(rebasing: bytes[RecordBatchHeader.byteCount..<header.totalBytes])
            return try Self.forEachRecord(inRecords: payload, header: header, body)
        }
        inflated.removeAll()
        try Self.inflate(bytes, header, &decompressor, &inflated)
        try Self.forEachRecord(inRecords: inflated.bytes, header: header, body)
    }

    /// Appends the records' own bytes to `output`: what they are without compression. A control batch has none for us.
    public mutating func inflate(
        _ bytes: UnsafeRawBufferPointer, header: RecordBatchHeader, appendingTo output: inout GrowableBytes
    ) throws(RecordFormatError) {
        try Self.inflate(bytes, header, &decompressor, &output)
    }

    private static func inflate(
        _ bytes: UnsafeRawBufferPointer, _ header: RecordBatchHeader, _ decompressor: inout RecordDecompressor,
        _ output: inout GrowableBytes
    ) throws(RecordFormatError) {
        guard bytes.count >= header.totalBytes else {
            throw .truncated(needed: header.totalBytes, available: bytes.count)
        }
        if header.isControlBatch { return }
        let payload = UnsafeRawBufferPointer(rebasing: bytes[RecordBatchHeader.byteCount..<header.totalBytes])
        try decompressor.decompress(payload, codec: header.codec, appendingTo: &output, limit: inflatedBytesMax)
    }

    static func forEachRecord(
        inRecords records: UnsafeRawBufferPointer, header: RecordBatchHeader, _ body: (RecordView) -> Void
    ) throws(RecordFormatError) {
        var position = 0
        for index in 0..<Int(header.recordCount) {
            let start = position
            guard let length = Varint.read(records, at: &position), length > 0,
                length <= Int64(records.count - position)
            else { throw .malformedRecord(index: index, position: start) }
            let bytes = UnsafeRawBufferPointer(rebasing: records[position..<position + Int(length)])
            position += Int(length)
            var inner = 1  // attributes, unused
            guard let timestampDelta = Varint.read(bytes, at: &inner),
                let offsetDelta = Varint.read(bytes, at: &inner), offsetDelta == Int64(index)
            else { throw .malformedRecord(index: index, position: start) }
            let (created, overflow) = header.baseTimestamp.addingReportingOverflow(timestampDelta)
            let timestamp = header.hasAppendTime ? header.maxTimestamp : created
            guard !overflow,
                let record = RecordView(
                    ofBody: UnsafeRawBufferPointer(rebasing: bytes[inner...]), offset: header.baseOffset + offsetDelta,
                    timestamp: timestamp)
            else { throw .malformedRecord(index: index, position: start) }
            body(record)
        }
        guard position == records.count else { throw .trailingBytes(records.count - position) }
    }
}

private func headersAreWellFormed(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Bool {
    var position = start
    guard let count = Varint.read(bytes, at: &position), count >= 0, count <= Int64(bytes.count) else { return false }
    for _ in 0..<count {
        guard let name = readField(bytes, at: &position), name != nil,
            readField(bytes, at: &position) != nil
        else { return false }
    }
    return position == bytes.count
}

/// Reads a length-prefixed field: nil where it is malformed, `.some(nil)` where it is absent (length -1).
private func readField(_ bytes: UnsafeRawBufferPointer, at position: inout Int) -> UnsafeRawBufferPointer?? {
    guard let length = Varint.read(bytes, at: &position) else { return nil }
    if length == -1 { return .some(nil) }
    guard length >= 0, length <= Int64(bytes.count - position) else { return nil }
    defer { position += Int(length) }
    return .some(UnsafeRawBufferPointer(rebasing: bytes[position..<position + Int(length)]))
}
