/// JavaScript writes half an emoji as a lone surrogate escape: legal JSON, but no Unicode text.
public enum LoneSurrogates {
    /// Turns every lone surrogate escape in `text` into `\ufffd`, in place (both are six bytes). Returns how many.
    public static func replace(in text: UnsafeMutableRawBufferPointer) -> Int {
        var replaced = 0
        var position = 0
        while position < text.count {
            // A backslash stands only in strings, and escapes the byte behind it.
            guard text[position] == UInt8(ascii: "\\") else {
                position += 1
                continue
            }
            guard let unit = escapedUnit(UnsafeRawBufferPointer(text), at: position) else {
                position += 2
                continue
            }
            switch unit {
            case 0xD800...0xDBFF:
                let next = escapedUnit(UnsafeRawBufferPointer(text), at: position + 6)
                if let next, (0xDC00...0xDFFF).contains(next) {
                    position += 12
                    continue
                }
                fallthrough
            case 0xDC00...0xDFFF:
                for (place, byte) in "fffd".utf8.enumerated() { text[position + 2 + place] = byte }
                replaced += 1
            default: break
            }
            position += 6
        }
        return replaced
    }

    /// The UTF-16 unit of a `\uXXXX` at `position`.
    private static func escapedUnit(_ text: UnsafeRawBufferPointer, at position: Int) -> UInt16? {
        guard position + 6 <= text.count, text[position] == UInt8(ascii: "\\"),
            text[position + 1] == UInt8(ascii: "u")
        else { return nil }
        var unit: UInt16 = 0
        for place in 2..<6 {
            guard let digit = hexadecimalDigit(text[position + place]) else { return nil }
            unit = unit << 4 | digit
        }
        return unit
    }
}
