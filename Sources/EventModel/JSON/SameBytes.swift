extension UnsafeRawBufferPointer {
    /// Whether both hold the same bytes, compared eight at a time: names are short, so a call would cost more than it does.
    @inlinable @inline(__always)
    public func holdsSameBytes(as other: UnsafeRawBufferPointer) -> Bool {
        count == other.count && holdsSameBytes(asOneAsLong: other)
    }

    @inlinable
    func holdsSameBytes(asOneAsLong other: UnsafeRawBufferPointer) -> Bool {
        guard count > 0, let a = baseAddress, let b = other.baseAddress else { return true }
        guard count >= 8 else {
            for place in 0..<count
            where a.load(fromByteOffset: place, as: UInt8.self) != b.load(fromByteOffset: place, as: UInt8.self) {
                return false
            }
            return true
        }
        var place = 0
        while place < count - 8 {
            if a.loadUnaligned(fromByteOffset: place, as: UInt64.self) != b.loadUnaligned(fromByteOffset: place, as: UInt64.self)
            {
                return false
            }
            place += 8
        }
        // The last eight, some of which may have been compared already.
        return a.loadUnaligned(fromByteOffset: count - 8, as: UInt64.self)
            == b.loadUnaligned(fromByteOffset: count - 8, as: UInt64.self)
    }
}
