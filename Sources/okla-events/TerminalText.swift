/// Text from elsewhere as a terminal may have it: on one line, and without what would move its cursor or turn the order of its letters.
enum TerminalText {
    static func escaped(_ text: String) -> String {
        escaped(text) { scalar in
            switch scalar {
            case "\n": "\\n"
            case "\r": "\\r"
            case "\t": "\\t"
            default: nil
            }
        }
    }

    /// As `escaped`, for JSON: what is escaped stands in strings, and white space between its parts.
    static func escaped(json text: String) -> String {
        escaped(text) { scalar in scalar.value < 0x20 ? " " : nil }
    }

    private static func escaped(_ text: String, _ own: (Unicode.Scalar) -> String?) -> String {
        guard text.unicodeScalars.contains(where: isUnsafe) else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            if !isUnsafe(scalar) {
                result.unicodeScalars.append(scalar)
            } else {
                let digits = String(scalar.value, radix: 16)
                result += own(scalar) ?? "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            }
        }
        return result
    }

    /// Control characters, ends of lines and of paragraphs, and those that turn the direction of what follows.
    private static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0...0x1F, 0x7F...0x9F, 0x2028...0x202E, 0x2066...0x2069: true
        default: false
        }
    }

    // MARK: Columns

    static func padded(_ text: String, to width: Int) -> String {
        text + String(repeating: " ", count: max(width - self.width(text), 0))
    }

    /// The columns that a text takes, as most terminals draw it.
    static func width(_ text: String) -> Int { text.reduce(0) { $0 + width($1) } }

    private static func width(_ character: Character) -> Int {
        guard let first = character.unicodeScalars.first else { return 0 }
        let isEmoji =
            first.properties.isEmojiPresentation
            || first.properties.isEmoji && character.unicodeScalars.contains { $0.value == 0xFE0F }
        if isEmoji || isWide(first) { return 2 }
        switch first.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format: return 0
        default: return 1
        }
    }

    /// East Asian Width W and F (Unicode Standard Annex 11), by blocks.
    private static func isWide(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF,
            0xFE30...0xFE6F,
            0xFF01...0xFF60, 0xFFE0...0xFFE6, 0x16FE0...0x1B2FF, 0x20000...0x3FFFD:
            true
        default: false
        }
    }
}
