/// Percent-encoding (RFC 3986, section 2.1): one way to write each part of a URI, in ASCII.
enum PercentEncoding {
    /// A path: escapes stay only for what cannot stand in a segment as it is.
    static func path(_ text: Substring.UTF8View) -> String {
        normalized(text, isPlain: { isSegmentByte($0) || $0 == UInt8(ascii: "/") }, isNeverEscaped: isSegmentByte)
    }

    static func query(_ text: Substring.UTF8View) -> String {
        normalized(
            text, isPlain: { isSegmentByte($0) || $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") },
            isNeverEscaped: isUnreserved)
    }

    static func authority(_ text: Substring.UTF8View) -> String {
        normalized(
            text, isPlain: { isSegmentByte($0) || $0 == UInt8(ascii: "[") || $0 == UInt8(ascii: "]") },
            isNeverEscaped: isUnreserved)
    }

    /// The path of a URI that means the file of this name. Every byte of it counts as it is, also `#`, `?` and `%`.
    static func path(ofFile name: String) -> String {
        var text = ""
        for byte in name.utf8 { append(byte, isPlain: isSegmentByte(byte) || byte == UInt8(ascii: "/"), to: &text) }
        return text
    }

    private static func normalized(
        _ text: Substring.UTF8View, isPlain: (UInt8) -> Bool, isNeverEscaped: (UInt8) -> Bool
    ) -> String {
        var result = ""
        var rest = text
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), let escaped = escapedByte(rest) {
                rest = rest.dropFirst(2)
                append(escaped, isPlain: isNeverEscaped(escaped), to: &result)
            } else {
                append(byte, isPlain: isPlain(byte), to: &result)
            }
        }
        return result
    }

    private static func escapedByte(_ digits: Substring.UTF8View) -> UInt8? {
        guard let high = digits.first.flatMap(hexadecimalDigit), let low = digits.dropFirst().first.flatMap(hexadecimalDigit)
        else { return nil }
        return UInt8(high << 4 | low)
    }

    private static func append(_ byte: UInt8, isPlain: Bool, to text: inout String) {
        if isPlain { return text.unicodeScalars.append(Unicode.Scalar(byte)) }
        let digits = String(byte, radix: 16, uppercase: true)
        text += digits.utf8.count == 1 ? "%0\(digits)" : "%\(digits)"
    }

    /// RFC 3986's `pchar` without escapes.
    private static func isSegmentByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "!"), UInt8(ascii: "$"), UInt8(ascii: "&"), UInt8(ascii: "'"), UInt8(ascii: "("), UInt8(ascii: ")"),
            UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "="), UInt8(ascii: ":"),
            UInt8(ascii: "@"):
            true
        default: isUnreserved(byte)
        }
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"):
            true
        default: false
        }
    }
}
