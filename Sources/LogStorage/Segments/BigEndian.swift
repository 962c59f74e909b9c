extension Array where Element == UInt8 {
    mutating func append<Integer: FixedWidthInteger>(bigEndian value: Integer) {
        Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
    }

    /// The integer that starts at `position`; its bytes must be there.
    func bigEndian<Integer: FixedWidthInteger>(at position: Int) -> Integer {
        withUnsafeBytes { Integer(bigEndian: $0.loadUnaligned(fromByteOffset: position, as: Integer.self)) }
    }
}

extension Array {
    /// The number of leading elements for which `belongsToTail` is false; the array must be split by it.
    func partitionPoint(_ belongsToTail: (Element) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if belongsToTail(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
