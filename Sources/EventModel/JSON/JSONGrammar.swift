/// A strict reader of JSON's grammar (RFC 8259) that says where a text breaks it. It runs only over texts that the fast
/// parser refused, so it is written for plainness. It takes no memory but for what it returns and for the nesting, at most a byte for
/// each byte of the text.
public struct JSONGrammar {
    public struct Violation: Error, Equatable {
        /// In plain words, without the position.
        public let message: String
        /// The byte, from 0, at which the text stops being JSON.
        public let position: Int
    }

    /// The parts of the outermost value.
    public enum Outline: Equatable {
        case scalar
        /// As many of the elements as were asked for, and how many there are.
        case array(elements: [Range<Int>], count: Int)
        case object(members: [(name: Range<Int>, value: Range<Int>)])

        public static func == (a: Outline, b: Outline) -> Bool {
            switch (a, b) {
            case (.scalar, .scalar): true
            case (.array(let a, let m), .array(let b, let n)): a == b && m == n
            case (.object(let a), .object(let b)): a.elementsEqual(b, by: ==)
            default: false
            }
        }
    }

    private let text: UnsafeRawBufferPointer
    private var position = 0

    /// Checks all of `text` and returns what its outermost value consists of.
    ///
    /// - Parameters:
    ///   - elementsMax: the first elements of an array that are of interest.
    ///   - depthMax: how deep arrays and objects may nest.
    ///   - isUnicode: the text is part of one that was checked.
    public static func outline(
        _ text: UnsafeRawBufferPointer, elementsMax: Int = .max, depthMax: Int = .max, isUnicode: Bool = false
    ) throws(Violation) -> Outline {
        var grammar = JSONGrammar(text: text)
        if !isUnicode { try grammar.checkUnicode() }
        return try grammar.document(elementsMax, depthMax)
    }

    private init(text: UnsafeRawBufferPointer) { self.text = text }

    // MARK: Structure

    private enum Container { case array, object }

    private mutating func document(_ elementsMax: Int, _ depthMax: Int) throws(Violation) -> Outline {
        skipSpace()
        var open: [Container] = []
        var elements: [Range<Int>] = []
        var elementCount = 0
        var members: [(name: Range<Int>, value: Range<Int>)] = []
        var topName = 0..<0
        var topStart = 0
        let isArray = byte == UInt8(ascii: "[")
        let isObject = byte == UInt8(ascii: "{")

        func noteEnd(_ end: Int) {
            guard open.count == 1 else { return }
            if !isArray { return members.append((topName, topStart..<end)) }
            elementCount += 1
            if elementCount <= elementsMax { elements.append(topStart..<end) }
        }

        values: while true {
            // A value starts here.
            skipSpace()
            if open.count == 1 { topStart = position }
            switch byte {
            case UInt8(ascii: "["), UInt8(ascii: "{"):
                guard open.count < depthMax else { throw violation("nesting deeper than \(depthMax)") }
                open.append(byte == UInt8(ascii: "[") ? .array : .object)
                position += 1
                skipSpace()
                if open.last == .array {
                    if byte != UInt8(ascii: "]") { continue values }
                } else if byte != UInt8(ascii: "}") {
                    let name = try memberName()
                    if open.count == 1 { topName = name }
                    continue values
                }
                position += 1
                open.removeLast()
            default: try scalar()
            }
            // A value ended here.
            noteEnd(position)
            while let container = open.last {
                skipSpace()
                switch (byte, container) {
                case (UInt8(ascii: ","), .array):
                    position += 1
                    continue values
                case (UInt8(ascii: ","), .object):
                    position += 1
                    let name = try memberName()
                    if open.count == 1 { topName = name }
                    continue values
                case (UInt8(ascii: "]"), .array), (UInt8(ascii: "}"), .object):
                    position += 1
                    open.removeLast()
                    noteEnd(position)
                default:
                    throw violation(container == .array ? "expected , or ] in an array" : "expected , or } in an object")
                }
            }
            break
        }
        skipSpace()
        guard position == text.count else { throw violation("unexpected text behind the value") }
        return isArray ? .array(elements: elements, count: elementCount) : isObject ? .object(members: members) : .scalar
    }

    private mutating func memberName() throws(Violation) -> Range<Int> {
        skipSpace()
        guard byte == UInt8(ascii: "\"") else { throw violation("expected a member name in double quotes") }
        let start = position
        try string()
        let name = start..<position
        skipSpace()
        guard byte == UInt8(ascii: ":") else { throw violation("expected : behind a member name") }
        position += 1
        return name
    }

    // MARK: Scalars

    private mutating func scalar() throws(Violation) {
        switch byte {
        case UInt8(ascii: "\""): try string()
        case UInt8(ascii: "t"): try literal("true")
        case UInt8(ascii: "f"): try literal("false")
        case UInt8(ascii: "n"): try literal("null")
        case nil: throw violation("unexpected end")
        case UInt8(ascii: "-"): try number()
        case _ where isDigit: try number()
        default: throw violation("expected a value")
        }
    }

    private mutating func literal(_ word: StaticString) throws(Violation) {
        for place in 0..<word.utf8CodeUnitCount {
            guard byte == word.utf8Start[place] else { throw violation("expected \(word)") }
            position += 1
        }
    }

    private mutating func number() throws(Violation) {
        if byte == UInt8(ascii: "-") { position += 1 }
        if byte == UInt8(ascii: "0") { position += 1 } else { try digits() }
        if byte == UInt8(ascii: ".") {
            position += 1
            try digits()
        }
        if byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E") {
            position += 1
            if byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") { position += 1 }
            try digits()
        }
    }

    private mutating func digits() throws(Violation) {
        guard isDigit else { throw violation("expected a digit") }
        while isDigit { position += 1 }
    }

    private mutating func string() throws(Violation) {
        position += 1
        while true {
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                return
            case UInt8(ascii: "\\"):
                position += 1
                try escape()
            case nil: throw violation("a string does not end")
            case let byte? where byte < 0x20: throw violation("a control character in a string must be escaped")
            default: position += 1
            }
        }
    }

    private mutating func escape() throws(Violation) {
        switch byte {
        case UInt8(ascii: "u"):
            position += 1
            for _ in 0..<4 {
                guard let byte, hexadecimalDigit(byte) != nil else { throw violation("expected four hexadecimal digits") }
                position += 1
            }
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            position += 1
        default: throw violation("unknown escape in a string")
        }
    }

    // MARK: Bytes

    /// UTF-8 as Unicode's table 3-7 has it: what may stand behind the first byte depends on that byte.
    private func checkUnicode() throws(Violation) {
        var start = 0
        while start < text.count {
            let lead = text[start]
            if lead < 0x80 {
                start += 1
                continue
            }
            let (length, second): (Int, ClosedRange<UInt8>) =
                switch lead {
                case 0xC2...0xDF: (2, 0x80...0xBF)
                case 0xE0: (3, 0xA0...0xBF)
                case 0xE1...0xEC, 0xEE, 0xEF: (3, 0x80...0xBF)
                case 0xED: (3, 0x80...0x9F)
                case 0xF0: (4, 0x90...0xBF)
                case 0xF1...0xF3: (4, 0x80...0xBF)
                case 0xF4: (4, 0x80...0x8F)
                default: (0, 0...0)
                }
            var isValid = length > 0 && start + length <= text.count && second.contains(text[start + 1])
            var place = start + 2
            while isValid && place < start + length {
                isValid = text[place] & 0xC0 == 0x80
                place += 1
            }
            guard isValid else { throw Violation(message: "invalid UTF-8", position: start) }
            start += length
        }
    }

    private var byte: UInt8? { position < text.count ? text[position] : nil }

    private var isDigit: Bool { byte.map { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ?? false }

    private mutating func skipSpace() {
        while let byte, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private func violation(_ message: String) -> Violation { Violation(message: message, position: position) }
}

/// The value of a hexadecimal digit in ASCII; nil for any other byte.
func hexadecimalDigit(_ byte: UInt8) -> UInt16? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt16(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt16(byte - UInt8(ascii: "a") + 10)
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt16(byte - UInt8(ascii: "A") + 10)
    default: nil
    }
}
