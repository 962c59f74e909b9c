/// Addresses from text, as strictly as `inet_pton` reads them: what two programs might read differently is no address.
extension IPAddress {
    /// Reads `a.b.c.d` (four decimal numbers, no leading zeros, none left out) or an IPv6 address (RFC 4291, 2.2). An IPv6
    /// address may have a zone, `%eth0`, which says by which interface this host reaches it and is dropped: to nobody else does
    /// it mean anything.
    package init?(utf8 text: UnsafeRawBufferPointer) {
        if let address = Self.ipv4(text) {
            self.init(ipv4: address)
            return
        }
        guard let address = Self.withoutZone(text).flatMap(Self.ipv6) else { return nil }
        self.init(bits: address)
    }

    package init?(_ text: String) {
        var text = text
        guard let address = text.withUTF8({ IPAddress(utf8: UnsafeRawBufferPointer($0)) }) else { return nil }
        self = address
    }

    /// Linux names interfaces with up to 15 bytes.
    private static let zoneBytesMax = 15

    /// Nil where there is a zone that cannot be one.
    private static func withoutZone(_ text: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        guard let percent = text.firstIndex(of: UInt8(ascii: "%")) else { return text }
        let zone = text[(percent + 1)...]
        guard (1...zoneBytesMax).contains(zone.count), zone.allSatisfy({ (0x21...0x7E).contains($0) }) else { return nil }
        return UnsafeRawBufferPointer(rebasing: text[..<percent])
    }

    private static func ipv4(_ text: UnsafeRawBufferPointer) -> UInt32? {
        var address: UInt32 = 0
        var octets = 0
        var place = 0
        while true {
            let start = place
            var octet: UInt32 = 0
            while place < text.count, let digit = decimal(text[place]) {
                octet = octet * 10 + digit
                place += 1
                guard octet <= 255, place - start <= 3 else { return nil }
            }
            let digitCount = place - start
            guard digitCount > 0, digitCount == 1 || text[start] != UInt8(ascii: "0") else { return nil }
            address = address << 8 | octet
            octets += 1
            if octets == 4 { return place == text.count ? address : nil }
            guard place < text.count, text[place] == UInt8(ascii: ".") else { return nil }
            place += 1
        }
    }

    private static func ipv6(_ text: UnsafeRawBufferPointer) -> UInt128? {
        let colon = UInt8(ascii: ":")
        var bits: UInt128 = 0
        var groups = 0
        /// How many groups stand before `::`.
        var gap: Int?
        var place = 0
        if text.count >= 2, text[0] == colon, text[1] == colon {
            gap = 0
            place = 2
        }
        while place < text.count {
            let start = place
            var group: UInt128 = 0
            while place < text.count, let digit = hexadecimal(text[place]) {
                group = group << 4 | digit
                place += 1
                guard place - start <= 4 else { return nil }
            }
            if place < text.count, text[place] == UInt8(ascii: ".") {
                guard groups <= 6, let tail = ipv4(UnsafeRawBufferPointer(rebasing: text[start...])) else { return nil }
                bits = bits << 32 | UInt128(tail)
                groups += 2
                break
            }
            guard place > start, groups < 8 else { return nil }
            bits = bits << 16 | group
            groups += 1
            if place == text.count { break }
            guard text[place] == colon, place + 1 < text.count else { return nil }
            place += 1
            if text[place] == colon {
                guard gap == nil else { return nil }
                gap = groups
                place += 1
            }
        }
        guard let gap else { return groups == 8 ? bits : nil }
        // `::` stands for at least one group of zeros.
        guard groups <= 7 else { return nil }
        let tailBits = 16 * (groups - gap)
        let tail = bits & ~(.max << tailBits)
        return (bits >> tailBits) << (128 - 16 * gap) | tail
    }

    private static func decimal(_ byte: UInt8) -> UInt32? {
        let digit = byte &- UInt8(ascii: "0")
        return digit < 10 ? UInt32(digit) : nil
    }

    private static func hexadecimal(_ byte: UInt8) -> UInt128? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt128(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt128(byte - UInt8(ascii: "a") + 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt128(byte - UInt8(ascii: "A") + 10)
        default: nil
        }
    }
}
