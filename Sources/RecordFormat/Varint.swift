/// Kafka's variable-length integers: zig-zag, then seven bits a byte, least significant first (as in Protocol Buffers).
public enum Varint {
    /// The longest encoding of a 64-bit integer.
    public static let byteCountMax = 10

    /// Writes `value` and returns the bytes taken; `byteCountMax` must be writable.
    @inlinable
    public static func write(_ value: Int64, to target: UnsafeMutableRawPointer) -> Int {
        var rest = UInt64(bitPattern: (value &<< 1) ^ (value &>> 63))
        var count = 0
        while rest >= 0x80 {
            target.storeBytes(of: UInt8(truncatingIfNeeded: rest) | 0x80, toByteOffset: count, as: UInt8.self)
            rest &>>= 7
            count &+= 1
        }
        target.storeBytes(of: UInt8(truncatingIfNeeded: rest), toByteOffset: count, as: UInt8.self)
        return count &+ 1
    }

    @inlinable
    public static func byteCount(_ value: Int64) -> Int {
        let zigzag = UInt64(bitPattern: (value &<< 1) ^ (value &>> 63))
        let bits = max(1, 64 - zigzag.leadingZeroBitCount)
        return (bits + 6) / 7
    }

    /// Reads one varint at `position` and moves it on; nil where the bytes end early or hold more than 64 bits.
    @inlinable @inline(__always)
    public static func read(_ bytes: UnsafeRawBufferPointer, at position: inout Int) -> Int64? {
        // Most are of one byte.
        if position < bytes.count, bytes[position] < 0x80 {
            defer { position &+= 1 }
            let byte = Int64(bytes[position])
            return byte &>> 1 ^ -(byte & 1)
        }
        return readLonger(bytes, at: &position)
    }

    @inlinable
    static func readLonger(_ bytes: UnsafeRawBufferPointer, at position: inout Int) -> Int64? {
        var result: UInt64 = 0
        var shift: UInt64 = 0
        var place = position
        while place < bytes.count {
            let byte = bytes[place]
            place &+= 1
            // The tenth byte carries the 64th bit alone.
            if shift == 63 && byte > 1 { return nil }
            result |= UInt64(byte & 0x7F) &<< shift
            if byte & 0x80 == 0 {
                position = place
                return Int64(bitPattern: result &>> 1) ^ -Int64(bitPattern: result & 1)
            }
            shift &+= 7
            if shift > 63 { return nil }
        }
        return nil
    }
}
