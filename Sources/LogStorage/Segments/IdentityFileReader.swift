internal import EventLog

/// Reads the blocks of an `.ids` file from its end, with few reads.
final class IdentityFileReader {
    /// The most that is read at once. The first reads are smaller: many files are not read further.
    private static let windowBytes = 256 << 10
    private var nextWindowBytes = 64 << 10

    private let file: any File
    private let segmentBase: Int64
    private let hasher: RecordIdentityHasher
    /// The file's length.
    let byteCount: Int
    /// The blocks from here on were given.
    private(set) var position: Int
    private var window: [UInt8] = []
    private var windowStart: Int

    init(_ file: any File, byteCount: Int, segmentBase: Int64, hasher: RecordIdentityHasher) {
        self.file = file
        self.segmentBase = segmentBase
        self.hasher = hasher
        self.byteCount = byteCount
        position = byteCount
        windowStart = byteCount
    }

    deinit { file.close() }

    /// The block before the one that was given last; nil: none ends there.
    func previous() throws(FileError) -> IdentityBlock? {
        if position - windowStart < IdentityBlock.byteCountMax && windowStart > 0 { try fill() }
        let block = window.withUnsafeBytes { bytes -> IdentityBlock? in
            let bytes = UnsafeRawBufferPointer(rebasing: bytes[..<(position - windowStart)])
            guard let byteCount = IdentityBlock.byteCount(ending: bytes), byteCount <= bytes.count else { return nil }
            return IdentityBlock(
                beginning: UnsafeRawBufferPointer(rebasing: bytes[(bytes.count - byteCount)...]), segmentBase: segmentBase,
                hasher: hasher)
        }
        if let block { position -= block.byteCount }
        return block
    }

    private func fill() throws(FileError) {
        windowStart = max(0, position - nextWindowBytes)
        nextWindowBytes = min(nextWindowBytes * 4, Self.windowBytes)
        window = []
        window = try file.readBytes(at: windowStart, byteCount: position - windowStart)
        // Somebody cut the file meanwhile: nothing ends here.
        if window.count < position - windowStart { (window, position) = ([], windowStart) }
    }
}
