/// Reads the write key where it stands in place of a user.
package enum RequestCredentials {
    /// The user name of a `Basic` authorization; nil for another scheme or broken base64.
    package static func basicUser(_ authorization: String) -> String? {
        let parts = authorization.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "basic", let decoded = Base64.decode(parts[1].utf8) else {
            return nil
        }
        let user = decoded.prefix { $0 != UInt8(ascii: ":") }
        return String(validating: user, as: UTF8.self)
    }
}

/// Base64 (RFC 4648, section 4), padding optional. For header values, which are short.
package enum Base64 {
    package static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        var result: [UInt8] = []
        var bits: UInt32 = 0
        var bitCount = 0
        var digits = 0
        let unpadded = text.reversed().drop { $0 == UInt8(ascii: "=") }.reversed()
        for byte in unpadded {
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): digit = byte - UInt8(ascii: "A")
            case UInt8(ascii: "a")...UInt8(ascii: "z"): digit = byte - UInt8(ascii: "a") + 26
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0") + 52
            case UInt8(ascii: "+"): digit = 62
            case UInt8(ascii: "/"): digit = 63
            default: return nil
            }
            digits += 1
            bits = bits << 6 | UInt32(digit)
            bitCount += 6
            if bitCount >= 8 {
                bitCount -= 8
                result.append(UInt8(truncatingIfNeeded: bits >> UInt32(bitCount)))
            }
        }
        return digits % 4 == 1 ? nil : result
    }
}
