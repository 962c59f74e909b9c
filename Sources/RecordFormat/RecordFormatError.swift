/// Why bytes are not a record batch. Positions count from the first byte of the batch, or of its records where it says so.
public enum RecordFormatError: Error, Equatable, Sendable {
    /// Fewer bytes than the head, or than the length it states.
    case truncated(needed: Int, available: Int)
    case unsupportedMagic(Int8)
    /// `batchLength` is below the head's rest or above `RecordBatchHeader.batchBytesMax`.
    case implausibleLength(Int32)
    case implausibleCount(records: Int32, lastOffsetDelta: Int32)
    case checksumMismatch(stored: UInt32, computed: UInt32)
    case unsupportedCodec(Int)
    case decompression(String)
    /// The uncompressed records would take more than the reader allows.
    case tooLarge(limit: Int)
    case malformedRecord(index: Int, position: Int)
    /// Bytes behind the last record.
    case trailingBytes(Int)
}

extension RecordFormatError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .truncated(let needed, let available): "batch is cut: needs \(needed) bytes, has \(available)"
        case .unsupportedMagic(let magic): "magic is \(magic), not 2"
        case .implausibleLength(let length): "implausible batch length \(length)"
        case .implausibleCount(let records, let delta): "implausible record count \(records) with last offset delta \(delta)"
        case .checksumMismatch(let stored, let computed):
            "CRC-32C is \(hexadecimal(computed)), the batch states \(hexadecimal(stored))"
        case .unsupportedCodec(let codec): "compression codec \(codec) is not supported here"
        case .decompression(let reason): "the compressed records are damaged: \(reason)"
        case .tooLarge(let limit): "records inflate to more than \(limit) bytes"
        case .malformedRecord(let index, let position): "record \(index) is malformed at byte \(position) of the records"
        case .trailingBytes(let count): "\(count) bytes behind the last record"
        }
    }

    private func hexadecimal(_ value: UInt32) -> String { "0x" + String(value, radix: 16) }
}
