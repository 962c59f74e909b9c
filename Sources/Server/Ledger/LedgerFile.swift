internal import LogStorage
internal import RecordFormat

/// Where the ledger's figures are kept: a file with two slots, written by turns, so that one is whole whatever happens to the other.
///
/// A slot begins at 0 or at `slotBytes` (all numbers big endian):
///
///     8 bytes   "OKLALEDG"
///     8 bytes   how many were written before it
///     4 bytes   length of the text
///     4 bytes   CRC-32C of the two numbers before it and of the text
///     the text  `LedgerCounts`
///
/// Each is written in place over the one before the last, and synced.
struct LedgerFile {
    static let fileName = "ledger"
    static let slotBytes = 4 << 20
    private static let headBytes = 24
    private static let magic = Array("OKLALEDG".utf8)

    private let file: any File
    /// Of the next write.
    private var number: UInt64
    /// The texts that are whole, the newest first.
    let texts: [[UInt8]]

    init(_ fileSystem: any FileSystem, path: String) throws(FileError) {
        file = try fileSystem.open(path, .readWrite)
        if try file.size() != 2 * Self.slotBytes {
            // New, or not all there: what of it is whole stays.
            try file.truncate(to: 2 * Self.slotBytes)
            try file.sync()
            try fileSystem.syncDirectory(FileNames.parent(of: path))
        }
        var found: [(number: UInt64, text: [UInt8])] = []
        for slot in 0..<2 {
            if let whole = Self.whole(try file.readBytes(at: slot * Self.slotBytes, byteCount: Self.slotBytes)) {
                found.append(whole)
            }
        }
        found.sort { $0.number > $1.number }
        texts = found.map(\.text)
        number = found.first.map { $0.number &+ 1 } ?? 0
    }

    /// Writes over the older of both. Durable when it returns.
    mutating func write(_ text: [UInt8]) throws(FileError) {
        precondition(text.count <= Self.slotBytes - Self.headBytes, "names and their number are bounded")
        var checked = GrowableBytes(capacity: Self.headBytes + text.count)
        checked.append(bigEndian: number)
        checked.append(bigEndian: UInt32(text.count))
        text.withUnsafeBytes { checked.append(copying: $0) }
        let checksum = CRC32C.checksum(checked.bytes)
        var slot = GrowableBytes(capacity: Self.headBytes + text.count)
        Self.magic.withUnsafeBytes { slot.append(copying: $0) }
        slot.append(bigEndian: number)
        slot.append(bigEndian: UInt32(text.count))
        slot.append(bigEndian: checksum)
        text.withUnsafeBytes { slot.append(copying: $0) }
        try file.writeAll(slot.bytes, at: Int(number % 2) * Self.slotBytes)
        try file.sync()
        number &+= 1
    }

    func close() { file.close() }

    private static func whole(_ slot: [UInt8]) -> (number: UInt64, text: [UInt8])? {
        guard slot.count > headBytes, slot.starts(with: magic) else { return nil }
        return slot.withUnsafeBytes { bytes in
            func number<Integer: FixedWidthInteger>(_ place: Int, _: Integer.Type) -> Integer {
                Integer(bigEndian: bytes.loadUnaligned(fromByteOffset: place, as: Integer.self))
            }
            let count = Int(number(16, UInt32.self))
            guard count <= bytes.count - headBytes else { return nil }
            let text = UnsafeRawBufferPointer(rebasing: bytes[headBytes..<headBytes + count])
            var checked = GrowableBytes(capacity: headBytes + count)
            checked.append(copying: UnsafeRawBufferPointer(rebasing: bytes[8..<20]))
            checked.append(copying: text)
            guard CRC32C.checksum(checked.bytes) == number(20, UInt32.self) else { return nil }
            return (number(8, UInt64.self), Array(text))
        }
    }
}
