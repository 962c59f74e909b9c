/// A growable run of bytes with one owner: what records and batches are written into.
///
/// `Array<UInt8>` checks uniqueness on each append; this type has a single owner by construction, keeps its memory across
/// `removeAll()`, and lets a codec write through a raw pointer.
public struct GrowableBytes: ~Copyable, @unchecked Sendable {
    // Sendable: the memory is reachable through this one value only, and a noncopyable value is in one place at a time.

    public private(set) var base: UnsafeMutableRawPointer
    public private(set) var capacity: Int
    public var count: Int = 0

    /// Takes no memory where `capacity` is 0: many a run stays empty.
    public init(capacity: Int = 0) {
        self.capacity = capacity == 0 ? 0 : max(capacity, Self.capacityMin)
        self.base = capacity == 0 ? Self.nowhere : .allocate(byteCount: self.capacity, alignment: 16)
    }

    deinit { if capacity > 0 { base.deallocate() } }

    private static let capacityMin = 64
    /// The address of no bytes. Nothing is read or written there, as its capacity is 0.
    private static var nowhere: UnsafeMutableRawPointer { UnsafeMutableRawPointer(bitPattern: 16)! }

    public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

    /// Forgets the contents and keeps the memory.
    public mutating func removeAll() { count = 0 }

    /// Makes room for `byteCount` more bytes; the pointer returned is where they go. Call `advance(by:)` after writing.
    @inlinable @inline(__always)
    public mutating func reserve(_ byteCount: Int) -> UnsafeMutableRawPointer {
        if capacity - count < byteCount { grow(toHold: count + byteCount) }
        return base + count
    }

    /// Counts `byteCount` bytes, written where `reserve` pointed, as contents.
    @inlinable @inline(__always)
    public mutating func advance(by byteCount: Int) {
        precondition(byteCount >= 0 && byteCount <= capacity - count)
        count += byteCount
    }

    @inlinable @inline(__always)
    public mutating func append(_ byte: UInt8) {
        reserve(1).storeBytes(of: byte, as: UInt8.self)
        count += 1
    }

    @inlinable @inline(__always)
    public mutating func append(copying source: UnsafeRawBufferPointer) {
        guard let start = source.baseAddress, source.count > 0 else { return }
        reserve(source.count).copyMemory(from: start, byteCount: source.count)
        count += source.count
    }

    @inlinable @inline(__always)
    public mutating func append(_ text: StaticString) {
        append(copying: UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    public mutating func appendZeros(_ byteCount: Int) {
        UnsafeMutableRawBufferPointer(start: reserve(byteCount), count: byteCount).initializeMemory(as: UInt8.self, repeating: 0)
        count += byteCount
    }

    @inlinable
    public mutating func append(utf8 text: String) {
        var text = text
        text.withUTF8 { append(copying: UnsafeRawBufferPointer($0)) }
    }

    /// Appends a number that is not negative in decimal digits.
    public mutating func append(decimal value: Int) {
        precondition(value >= 0)
        let digitsMax = 20
        let room = reserve(digitsMax)
        var (rest, place) = (value, digitsMax)
        repeat {
            place -= 1
            room.storeBytes(of: UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10), toByteOffset: place, as: UInt8.self)
            rest /= 10
        } while rest > 0
        room.copyMemory(from: room + place, byteCount: digitsMax - place)
        count += digitsMax - place
    }

    /// Appends a signed integer as Kafka's zig-zag varint (1 to 10 bytes).
    @inlinable @inline(__always)
    public mutating func append(varint value: Int64) {
        let room = reserve(Varint.byteCountMax)
        count += Varint.write(value, to: room)
    }

    @inlinable
    public mutating func append<Integer: FixedWidthInteger>(bigEndian value: Integer) {
        reserve(MemoryLayout<Integer>.size).storeBytes(of: value.bigEndian, as: Integer.self)
        count += MemoryLayout<Integer>.size
    }

    @inline(never)
    public mutating func grow(toHold needed: Int) {
        let larger = max(needed, capacity * 2, Self.capacityMin)
        let moved = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 16)
        moved.copyMemory(from: base, byteCount: count)
        if capacity > 0 { base.deallocate() }
        base = moved
        capacity = larger
    }
}

extension Array where Element == UInt8 {
    public init(copying bytes: borrowing GrowableBytes) { self.init(bytes.bytes) }
}
