/// Time-ordered UUIDs (RFC 9562, version 7): 48 bits of milliseconds, 74 random bits.
package enum UUIDv7 {
    package static let textBytes = 36

    /// Writes the 36 characters; `textBytes` must be writable.
    package static func write(
        milliseconds: Int64, using random: inout some RandomNumberGenerator, to target: UnsafeMutableRawPointer
    ) {
        let first = random.next() as UInt64
        let high = UInt64(bitPattern: milliseconds) << 16 | 0x7000 | first & 0x0FFF
        let low = 0x8000_0000_0000_0000 | (random.next() as UInt64) & 0x3FFF_FFFF_FFFF_FFFF
        var place = 0
        func put(_ word: UInt64, _ nibbles: ClosedRange<Int>) {
            for nibble in nibbles {
                let digit = UInt8(word >> UInt64(60 - nibble * 4) & 0xF)
                target.storeBytes(of: digit < 10 ? 0x30 + digit : 0x57 + digit, toByteOffset: place, as: UInt8.self)
                place += 1
            }
        }
        func dash() {
            target.storeBytes(of: UInt8(ascii: "-"), toByteOffset: place, as: UInt8.self)
            place += 1
        }
        put(high, 0...7); dash(); put(high, 8...11); dash(); put(high, 12...15); dash()
        put(low, 0...3); dash(); put(low, 4...15)
        precondition(place == textBytes)
    }
}
