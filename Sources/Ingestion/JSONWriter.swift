package import EventModel
package import RecordFormat

/// Writes JSON text piece by piece.
package enum JSONWriter {
    /// Appends a string in quotes; what is not valid UTF-8 becomes U+FFFD.
    package static func append(string: String, to target: inout GrowableBytes) {
        var string = string
        string.withUTF8 { append(utf8: UnsafeRawBufferPointer($0), to: &target) }
    }

    /// Appends valid UTF-8 as a string in quotes.
    package static func append(utf8 bytes: UnsafeRawBufferPointer, to target: inout GrowableBytes) {
        target.append(UInt8(ascii: "\""))
        var plainStart = 0
        for (place, byte) in bytes.enumerated() where byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
            target.append(copying: UnsafeRawBufferPointer(rebasing: bytes[plainStart..<place]))
            plainStart = place + 1
            target.append(UInt8(ascii: "\\"))
            switch byte {
            case UInt8(ascii: "\n"): target.append(UInt8(ascii: "n"))
            case UInt8(ascii: "\r"): target.append(UInt8(ascii: "r"))
            case UInt8(ascii: "\t"): target.append(UInt8(ascii: "t"))
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): target.append(byte)
            default:
                target.append("u00")
                target.append(byte < 0x10 ? UInt8(ascii: "0") : UInt8(ascii: "1"))
                let digit = byte & 0xF
                target.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
            }
        }
        target.append(copying: UnsafeRawBufferPointer(rebasing: bytes[plainStart...]))
        target.append(UInt8(ascii: "\""))
    }

    package static func append(violations: [EventViolation], to target: inout GrowableBytes) {
        target.append("[")
        for (place, violation) in violations.enumerated() {
            target.append(place == 0 ? "{\"path\":" : ",{\"path\":")
            append(string: violation.path, to: &target)
            target.append(",\"keyword\":")
            append(string: violation.keyword, to: &target)
            target.append(",\"message\":")
            append(string: violation.message, to: &target)
            target.append("}")
        }
        target.append("]")
    }
}
