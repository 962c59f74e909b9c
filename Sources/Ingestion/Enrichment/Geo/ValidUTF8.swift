extension UnsafeRawBufferPointer {
    /// Whether the bytes are UTF-8 (RFC 3629, 4): shortest forms, no surrogates, nothing above U+10FFFF.
    var isUTF8: Bool {
        var place = 0
        while place < count {
            let first = self[place]
            place += 1
            if first < 0x80 { continue }
            /// What may come second, and how many bytes behind that.
            let (second, more): (ClosedRange<UInt8>, Int)
            switch first {
            case 0xC2...0xDF: (second, more) = (0x80...0xBF, 0)
            case 0xE0: (second, more) = (0xA0...0xBF, 1)
            case 0xED: (second, more) = (0x80...0x9F, 1)
            case 0xE1...0xEF: (second, more) = (0x80...0xBF, 1)
            case 0xF0: (second, more) = (0x90...0xBF, 2)
            case 0xF1...0xF3: (second, more) = (0x80...0xBF, 2)
            case 0xF4: (second, more) = (0x80...0x8F, 2)
            default: return false
            }
            guard place + more < count, second.contains(self[place]) else { return false }
            guard self[(place + 1)..<(place + 1 + more)].allSatisfy({ (0x80...0xBF).contains($0) }) else { return false }
            place += 1 + more
        }
        return true
    }
}
