/// The formats that are checked; any other name is an annotation.
enum SchemaFormat: String, Sendable, CaseIterable {
    case dateTime = "date-time"
    case date, time, email, ipv4, ipv6, uri, uuid

    func matches(_ text: UnsafeRawBufferPointer) -> Bool {
        switch self {
        case .dateTime: Self.isDateTime(text)
        case .date: text.count == 10 && Timestamp.milliseconds(text) != nil
        case .time: Self.isTime(text)
        case .email: EmailSyntax.isAddress(text)
        case .ipv4: AddressSyntax.isIPv4(text)
        case .ipv6: AddressSyntax.isIPv6(text)
        case .uri: URISyntax.isURI(text)
        case .uuid: Self.isUUID(text)
        }
    }

    /// What a value must be, in plain words.
    var demand: String {
        switch self {
        case .dateTime: "a date-time such as 2026-01-21T10:30:45Z"
        case .date: "a date such as 2026-01-21"
        case .time: "a time with its offset, such as 10:30:45Z"
        case .email: "an email address"
        case .ipv4: "an IPv4 address"
        case .ipv6: "an IPv6 address"
        case .uri: "a whole URI, with its scheme"
        case .uuid: "a UUID"
        }
    }

    /// RFC 3339; `Timestamp` also takes a date alone, and a space in place of the T.
    private static func isDateTime(_ text: UnsafeRawBufferPointer) -> Bool {
        text.count > 10 && text[10] | 0x20 == UInt8(ascii: "t") && Timestamp.milliseconds(text) != nil
    }

    /// The time of any day: a leap second depends on the hour alone.
    private static func isTime(_ text: UnsafeRawBufferPointer) -> Bool {
        let day: StaticString = "1970-01-01T"
        // hh:mm:ss, a fraction as long as it likes, an offset.
        guard text.count <= timeBytesMax else { return false }
        return withUnsafeTemporaryAllocation(byteCount: day.utf8CodeUnitCount + text.count, alignment: 1) { whole in
            whole.copyMemory(from: UnsafeRawBufferPointer(start: day.utf8Start, count: day.utf8CodeUnitCount))
            UnsafeMutableRawBufferPointer(rebasing: whole[day.utf8CodeUnitCount...]).copyMemory(from: text)
            return isDateTime(UnsafeRawBufferPointer(whole))
        }
    }

    private static let timeBytesMax = 256

    private static func isUUID(_ text: UnsafeRawBufferPointer) -> Bool {
        guard text.count == 36 else { return false }
        for (place, byte) in text.enumerated() {
            switch place {
            case 8, 13, 18, 23: if byte != UInt8(ascii: "-") { return false }
            default: if hexadecimalDigit(byte) == nil { return false }
            }
        }
        return true
    }
}

/// Addresses as RFC 3986 and RFC 4291 write them.
enum AddressSyntax {
    static func isIPv4(_ text: UnsafeRawBufferPointer) -> Bool {
        var (parts, digits, value) = (1, 0, 0)
        for byte in text {
            if byte == UInt8(ascii: ".") {
                guard digits > 0 else { return false }
                (parts, digits, value) = (parts + 1, 0, 0)
                continue
            }
            // A leading zero would be octal to some.
            guard byte &- UInt8(ascii: "0") < 10, digits < 3, digits == 0 || value > 0 else { return false }
            digits += 1
            value = value * 10 + Int(byte - UInt8(ascii: "0"))
            guard value < 256 else { return false }
        }
        return parts == 4 && digits > 0
    }

    static func isIPv6(_ text: UnsafeRawBufferPointer) -> Bool {
        var groups = 0
        var hasGap = false
        var place = 0
        func isColon(_ place: Int) -> Bool { place < text.count && text[place] == UInt8(ascii: ":") }
        if isColon(0) {
            guard isColon(1) else { return false }
            hasGap = true
            place = 2
        }
        while place < text.count {
            var end = place
            while end < text.count, hexadecimalDigit(text[end]) != nil { end += 1 }
            if end < text.count, text[end] == UInt8(ascii: ".") {
                guard isIPv4(UnsafeRawBufferPointer(rebasing: text[place...])) else { return false }
                groups += 2
                break
            }
            guard (1...4).contains(end - place) else { return false }
            groups += 1
            place = end
            if place == text.count { break }
            guard isColon(place) else { return false }
            place += 1
            if isColon(place) {
                guard !hasGap else { return false }
                hasGap = true
                place += 1
            } else if place == text.count {
                return false
            }
        }
        return hasGap ? groups < 8 : groups == 8
    }
}

/// `local@domain` of RFC 5321.
enum EmailSyntax {
    private static let localBytesMax = 64
    private static let domainBytesMax = 255

    static func isAddress(_ text: UnsafeRawBufferPointer) -> Bool {
        guard let at = text.lastIndex(of: UInt8(ascii: "@")) else { return false }
        let local = UnsafeRawBufferPointer(rebasing: text[..<at])
        let domain = UnsafeRawBufferPointer(rebasing: text[(at + 1)...])
        guard (1...localBytesMax).contains(local.count), (1...domainBytesMax).contains(domain.count) else { return false }
        return (isQuoted(local) || isDotted(local, isAtomByte)) && (isLiteral(domain) || isDomain(domain))
    }

    private static func isQuoted(_ local: UnsafeRawBufferPointer) -> Bool {
        guard local.count >= 2, local.first == UInt8(ascii: "\""), local.last == UInt8(ascii: "\"") else { return false }
        var isEscaped = false
        for byte in local.dropFirst().dropLast() {
            guard byte >= 0x20, byte < 0x7F else { return false }
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                return false
            }
        }
        return !isEscaped
    }

    /// Parts of such bytes with one point between each.
    private static func isDotted(_ text: UnsafeRawBufferPointer, _ isAllowed: (UInt8) -> Bool) -> Bool {
        var isAtStart = true
        for byte in text {
            if byte == UInt8(ascii: ".") {
                if isAtStart { return false }
                isAtStart = true
            } else {
                guard isAllowed(byte) else { return false }
                isAtStart = false
            }
        }
        return !isAtStart
    }

    private static func isAtomByte(_ byte: UInt8) -> Bool {
        if isAlphanumeric(byte) { return true }
        let others: StaticString = "!#$%&'*+-/=?^_`{|}~"
        return others.withUTF8Buffer { $0.contains(byte) }
    }

    private static func isDomain(_ domain: UnsafeRawBufferPointer) -> Bool {
        guard isDotted(domain, { isAlphanumeric($0) || $0 == UInt8(ascii: "-") }) else { return false }
        return domain.split(separator: UInt8(ascii: ".")).allSatisfy { label in
            label.count <= 63 && label.first != UInt8(ascii: "-") && label.last != UInt8(ascii: "-")
        }
    }

    /// `[127.0.0.1]` or `[IPv6:::1]`.
    private static func isLiteral(_ domain: UnsafeRawBufferPointer) -> Bool {
        guard domain.count > 2, domain.first == UInt8(ascii: "["), domain.last == UInt8(ascii: "]") else { return false }
        let inner = UnsafeRawBufferPointer(rebasing: domain[1..<domain.count - 1])
        let prefix: StaticString = "IPv6:"
        if inner.count > prefix.utf8CodeUnitCount,
            inner.prefix(prefix.utf8CodeUnitCount).elementsEqual(prefix.withUTF8Buffer { Array($0) })
        {
            return AddressSyntax.isIPv6(UnsafeRawBufferPointer(rebasing: inner[prefix.utf8CodeUnitCount...]))
        }
        return AddressSyntax.isIPv4(inner)
    }
}

/// A URI of RFC 3986: scheme, and only the characters that may stand in each part.
enum URISyntax {
    static func isURI(_ text: UnsafeRawBufferPointer) -> Bool {
        guard let colon = text.firstIndex(of: UInt8(ascii: ":")), colon > 0, isLetter(text[0]) else { return false }
        for byte in text[..<colon] {
            guard isAlphanumeric(byte) || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
            else { return false }
        }
        var rest = text[(colon + 1)...]
        if let hash = rest.firstIndex(of: UInt8(ascii: "#")) {
            guard isPart(rest[(hash + 1)...], also: "/?") else { return false }
            rest = rest[..<hash]
        }
        if let mark = rest.firstIndex(of: UInt8(ascii: "?")) {
            guard isPart(rest[(mark + 1)...], also: "/?") else { return false }
            rest = rest[..<mark]
        }
        guard rest.count >= 2, rest[rest.startIndex] == UInt8(ascii: "/"), rest[rest.startIndex + 1] == UInt8(ascii: "/") else {
            return isPart(rest, also: "/")
        }
        let authority = rest.dropFirst(2).prefix { $0 != UInt8(ascii: "/") }
        return isAuthority(authority) && isPart(rest[authority.endIndex...], also: "/")
    }

    private static func isAuthority(_ text: Slice<UnsafeRawBufferPointer>) -> Bool {
        var host = text
        if let at = text.lastIndex(of: UInt8(ascii: "@")) {
            guard isPart(text[..<at], also: ""), !text[..<at].contains(UInt8(ascii: "@")) else { return false }
            host = text[(at + 1)...]
        }
        if host.first == UInt8(ascii: "[") {
            guard let end = host.firstIndex(of: UInt8(ascii: "]")),
                AddressSyntax.isIPv6(UnsafeRawBufferPointer(rebasing: host[(host.startIndex + 1)..<end]))
            else { return false }
            let behind = host[(end + 1)...]
            return behind.isEmpty || behind.first == UInt8(ascii: ":") && isPort(behind.dropFirst())
        }
        if let colon = host.lastIndex(of: UInt8(ascii: ":")) {
            guard isPort(host[(colon + 1)...]) else { return false }
            host = host[..<colon]
        }
        return !host.contains(UInt8(ascii: ":")) && !host.contains(UInt8(ascii: "@")) && isPart(host, also: "")
    }

    private static func isPort(_ text: Slice<UnsafeRawBufferPointer>) -> Bool {
        text.allSatisfy { $0 &- UInt8(ascii: "0") < 10 }
    }

    /// Whether it consists of `pchar` and of these.
    private static func isPart(_ text: Slice<UnsafeRawBufferPointer>, also others: StaticString) -> Bool {
        let known: StaticString = "-._~!$&'()*+,;=:@"
        var place = text.startIndex
        while place < text.endIndex {
            let byte = text[place]
            if byte == UInt8(ascii: "%") {
                guard place + 2 < text.endIndex, hexadecimalDigit(text[place + 1]) != nil,
                    hexadecimalDigit(text[place + 2]) != nil
                else { return false }
                place += 3
                continue
            }
            guard
                isAlphanumeric(byte) || known.withUTF8Buffer({ $0.contains(byte) })
                    || others.withUTF8Buffer({ $0.contains(byte) })
            else { return false }
            place += 1
        }
        return true
    }
}

private func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- UInt8(ascii: "a") < 26 }
private func isAlphanumeric(_ byte: UInt8) -> Bool { isLetter(byte) || byte &- UInt8(ascii: "0") < 10 }
