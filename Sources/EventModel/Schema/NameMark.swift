/// What tells one name from another at a glance: its length, its first eight bytes and its last eight. For up to sixteen bytes that is
/// all of it.
struct NameMark: Equatable, BitwiseCopyable {
    let byteCount: Int
    let first: UInt64
    let last: UInt64

    /// Bytes that must be readable from a name's first on, and are behind every string of a `JSONView`. So no step depends on the length.
    static let readableBytes = 8

    /// - Parameter name: `readableBytes` from its start on may be read, however short it is.
    @inline(__always)
    init(_ name: UnsafeRawBufferPointer) {
        byteCount = name.count
        guard let start = name.baseAddress, name.count > 0 else {
            (first, last) = (0, 0)
            return
        }
        let mask = UInt64.max &>> UInt64(truncatingIfNeeded: 64 &- 8 &* min(name.count, 8))
        first = UInt64(littleEndian: start.loadUnaligned(as: UInt64.self)) & mask
        last = UInt64(littleEndian: start.loadUnaligned(fromByteOffset: max(name.count &- 8, 0), as: UInt64.self)) & mask
    }

    init(text: String) {
        let bytes = Array(text.utf8)
        self = (bytes + Array(repeating: 0, count: Self.readableBytes)).withUnsafeBytes {
            NameMark(UnsafeRawBufferPointer(rebasing: $0[..<bytes.count]))
        }
    }

    /// Whether the mark leaves no other name.
    @inline(__always)
    var isWhole: Bool { byteCount <= 16 }

    /// Among `count` slots, a power of two.
    @inline(__always)
    func slot(of count: Int) -> Int {
        let mixed = (first ^ (last &<< 29 | last &>> 35)) &+ UInt64(truncatingIfNeeded: byteCount)
        return Int(truncatingIfNeeded: (mixed &* 0x9E37_79B9_7F4A_7C15) &>> 40) & (count &- 1)
    }
}
