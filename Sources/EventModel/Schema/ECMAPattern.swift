/// Translates a regular expression of ECMA-262 (with its `u` flag), which is what a schema's `pattern` is written in, to RE2's syntax.
///
/// What RE2 has no linear-time form for (look-around, references back to a group) is refused.
struct ECMAPattern {
    struct Refusal: Error {
        let message: String
    }

    /// Not by characters: a mark that follows a bracket belongs to what it stands behind only on the screen.
    private var rest: Substring.UnicodeScalarView
    private var output = ""

    static func translated(_ pattern: String) throws(Refusal) -> String {
        var reader = ECMAPattern(rest: pattern.unicodeScalars[...])
        try reader.read()
        return reader.output
    }

    private init(rest: Substring.UnicodeScalarView) { self.rest = rest }

    private mutating func read() throws(Refusal) {
        while let character = next() {
            switch character {
            case "\\": output += try escape(inClass: false)
            case "[": try characterClass()
            case ".": output += #"[^\n\r\x{2028}\x{2029}]"#
            case "(": try group()
            default: output.unicodeScalars.append(character)
            }
        }
    }

    private mutating func next() -> Unicode.Scalar? { rest.popFirst() }

    private mutating func skip(_ text: String) -> Bool {
        guard rest.starts(with: text.unicodeScalars) else { return false }
        rest.removeFirst(text.unicodeScalars.count)
        return true
    }

    private mutating func group() throws(Refusal) {
        for mark in ["?=", "?!", "?<=", "?<!"] where rest.starts(with: mark.unicodeScalars) {
            throw Refusal(message: "look-around ((\(mark)...) cannot be checked in linear time; write the pattern without it")
        }
        output += skip("?<") ? "(?P<" : "("
    }

    // MARK: Classes

    private mutating func characterClass() throws(Refusal) {
        if skip("]") { return output += #"[^\x00-\x{10FFFF}]"# }
        if skip("^]") { return output += #"[\x00-\x{10FFFF}]"# }
        output += skip("^") ? "[^" : "["
        while let character = next() {
            switch character {
            case "]":
                output += "]"
                return
            case "\\": output += try escape(inClass: true)
            // RE2 reads a name of POSIX behind it.
            case "[": output += #"\["#
            default: output.unicodeScalars.append(character)
            }
        }
        throw Refusal(message: "a [ without its ]")
    }

    // MARK: Escapes

    /// ECMA-262's white space and line ends, as ranges of a class.
    private static let space =
        #"\t-\r \x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}\x{FEFF}"#
    private static let notSpace =
        #"\x00-\x08\x0E-\x1F!-\x{9F}\x{A1}-\x{167F}\x{1681}-\x{1FFF}\x{200B}-\x{2027}\x{202A}-\x{202E}\x{2030}-\x{205E}"#
        + #"\x{2060}-\x{2FFF}\x{3001}-\x{FEFE}\x{FF00}-\x{10FFFF}"#

    private mutating func escape(inClass: Bool) throws(Refusal) -> String {
        guard let character = next() else { throw Refusal(message: "ends with a backslash") }
        switch character {
        case "d", "D", "w", "W", "t", "n", "r", "f", "v": return "\\\(character)"
        case "s": return inClass ? Self.space : "[\(Self.space)]"
        case "S": return inClass ? Self.notSpace : "[\(Self.notSpace)]"
        case "b": return inClass ? #"\x08"# : #"\b"#
        case "B" where !inClass: return #"\B"#
        case "0": return #"\x00"#
        case "c":
            guard let letter = next(), letter.isASCII, letter.properties.isAlphabetic else {
                throw Refusal(message: "\\c must stand before a letter")
            }
            return Self.code(letter.value % 32)
        case "x": return Self.code(try hexadecimal(digits: 2))
        case "u": return Self.code(try unicode())
        case "p", "P": return try property(isNegated: character == "P", inClass: inClass)
        case "k", "1"..."9":
            throw Refusal(message: "a reference back to a group (\\\(character)) cannot be checked in linear time")
        default:
            guard character.isASCII, !character.properties.isAlphabetic else {
                throw Refusal(message: "unknown escape \\\(character)")
            }
            return "\\\(character)"
        }
    }

    private static func code(_ value: UInt32) -> String { "\\x{\(String(value, radix: 16))}" }

    private mutating func hexadecimal(digits: Int) throws(Refusal) -> UInt32 {
        let text = rest.prefix(digits)
        guard text.count == digits, let value = Self.number(text) else {
            throw Refusal(message: "expected \(digits) hexadecimal digits")
        }
        rest = rest.dropFirst(digits)
        return value
    }

    private static func number(_ digits: Substring.UnicodeScalarView) -> UInt32? {
        digits.allSatisfy(\.properties.isASCIIHexDigit) ? UInt32(String(digits), radix: 16) : nil
    }

    private mutating func unicode() throws(Refusal) -> UInt32 {
        if skip("{") {
            guard let end = rest.firstIndex(of: "}"), let value = Self.number(rest[..<end]), value <= 0x10FFFF else {
                throw Refusal(message: "\\u{ must hold a code point")
            }
            rest = rest[rest.index(after: end)...]
            return value
        }
        let unit = try hexadecimal(digits: 4)
        guard (0xD800...0xDBFF).contains(unit), skip("\\u") else { return unit }
        let low = try hexadecimal(digits: 4)
        guard (0xDC00...0xDFFF).contains(low) else { throw Refusal(message: "half of a surrogate pair") }
        return 0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)
    }

    /// `\p{...}`: RE2 knows general categories by their short names, and scripts by their names.
    private mutating func property(isNegated: Bool, inClass: Bool) throws(Refusal) -> String {
        guard skip("{"), let end = rest.firstIndex(of: "}") else { throw Refusal(message: "\\p must stand before {...}") }
        var name = String(rest[..<end])
        rest = rest[rest.index(after: end)...]
        for prefix in ["General_Category=", "gc=", "Script=", "sc=", "Script_Extensions=", "scx="] where name.hasPrefix(prefix) {
            name.removeFirst(prefix.count)
        }
        if name == "ASCII" {
            let range = isNegated ? #"\x{80}-\x{10FFFF}"# : #"\x00-\x7F"#
            return inClass ? range : "[\(range)]"
        }
        return "\\\(isNegated ? "P" : "p"){\(Self.categories[name] ?? name)}"
    }

    private static let categories: [String: String] = [
        "Letter": "L", "Cased_Letter": "LC", "Uppercase_Letter": "Lu", "Lowercase_Letter": "Ll", "Titlecase_Letter": "Lt",
        "Modifier_Letter": "Lm", "Other_Letter": "Lo", "Mark": "M", "Combining_Mark": "M", "Nonspacing_Mark": "Mn",
        "Spacing_Mark": "Mc", "Enclosing_Mark": "Me", "Number": "N", "Decimal_Number": "Nd", "digit": "Nd", "Letter_Number": "Nl",
        "Other_Number": "No", "Punctuation": "P", "punct": "P", "Connector_Punctuation": "Pc", "Dash_Punctuation": "Pd",
        "Open_Punctuation": "Ps", "Close_Punctuation": "Pe", "Initial_Punctuation": "Pi", "Final_Punctuation": "Pf",
        "Other_Punctuation": "Po", "Symbol": "S", "Math_Symbol": "Sm", "Currency_Symbol": "Sc", "Modifier_Symbol": "Sk",
        "Other_Symbol": "So", "Separator": "Z", "Space_Separator": "Zs", "Line_Separator": "Zl", "Paragraph_Separator": "Zp",
        "Other": "C", "Control": "Cc", "cntrl": "Cc", "Format": "Cf", "Surrogate": "Cs", "Private_Use": "Co",
    ]
}
