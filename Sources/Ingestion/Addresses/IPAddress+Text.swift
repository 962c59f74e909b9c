package import RecordFormat

/// Addresses as text, in the one spelling that each has (RFC 5952): lower case, no leading zeros, the longest run of two or more
/// zero groups (the first of equals) as `::`.
extension IPAddress: CustomStringConvertible {
    /// The longest text: eight groups of four digits.
    package static let textBytesMax = 39

    package func append(to target: inout GrowableBytes) {
        if let ipv4 {
            for octet in 0..<4 {
                if octet > 0 { target.append(UInt8(ascii: ".")) }
                target.append(decimal: Int(ipv4 >> (24 - 8 * octet) & 0xFF))
            }
            return
        }
        let zeros = longestZeros
        var group = 0
        while group < 8 {
            if group == zeros.lowerBound, !zeros.isEmpty {
                target.append("::")
                group = zeros.upperBound
                continue
            }
            if group > 0, group != zeros.upperBound || zeros.isEmpty { target.append(UInt8(ascii: ":")) }
            Self.append(hexadecimal: self.group(group), to: &target)
            group += 1
        }
    }

    package var description: String {
        var target = GrowableBytes(capacity: Self.textBytesMax)
        append(to: &target)
        return String(decoding: target.bytes, as: UTF8.self)
    }

    private func group(_ index: Int) -> UInt16 { UInt16(truncatingIfNeeded: bits >> (112 - 16 * index)) }

    /// The groups that `::` stands for; empty where no two zero groups are neighbours.
    private var longestZeros: Range<Int> {
        var longest = 0..<0
        var start = 0
        for index in 0..<8 {
            if group(index) != 0 {
                start = index + 1
            } else if index + 1 - start > max(longest.count, 1) {
                longest = start..<index + 1
            }
        }
        return longest
    }

    private static func append(hexadecimal group: UInt16, to target: inout GrowableBytes) {
        var shift: UInt16 = group < 0x10 ? 0 : group < 0x100 ? 4 : group < 0x1000 ? 8 : 12
        while true {
            let digit = UInt8(truncatingIfNeeded: group >> shift & 0xF)
            target.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
            if shift == 0 { return }
            shift -= 4
        }
    }
}
