import Foundation
import Ingestion
import TestSupport
import Testing

@Suite struct PatternListTests {
    /// Patterns that need one literal, one of several, all of several, letters that have a second lower case, other than ASCII, or none.
    private static let patterns: [(String, ignoresCase: Bool)] = [
        ("kilo(s)?/([0-9]+)", true), ("kilo(s)?/([0-9]+)", false), ("(?:abc|bcd|cde)x(y*)", false), ("abcabd.{0,5}abd", false),
        ("^ab.*cd$", false), ("ÄB(c)", false), ("äb(c)", true), ("(x)[0-9]{3}", false), ("ask|mask|sk", true), ("bcd.bc", false),
        ("^$", false), ("é+(k)", true), ("aab|ab{2}c", false), ("[xy]{4}", false), ("d(é)?d", false),
    ]

    private static let pieces = [
        "kilo", "KILO", "s/", "S/", "12", "345", "abc", "bcd", "cde", "x", "y", "xy", "abd", "ab", "cd", "Ä", "ä", "B", "c", "C",
        "ask", "SK",
        "é", "É", "k", "K", "\u{212A}", "\u{17F}", "i", "lo", "\u{0}", "\n", " ", "d", "€", "😀",
    ]

    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func theFirstPatternIsTheOneThatAnotherImplementationFinds(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let patterns = Self.patterns.shuffled(using: &random)
        let list = try PatternList(patterns.map { .init($0.0, ignoresCase: $0.ignoresCase) })
        // Where "$" is the end of the text, which for the other is before its last line's end, too.
        let others = try patterns.map {
            try NSRegularExpression(
                pattern: $0.0.replacingOccurrences(of: "$", with: "\\z"), options: $0.ignoresCase ? [.caseInsensitive] : [])
        }
        var found = 0
        for _ in 0..<3000 {
            let text = (0..<Int.random(in: 0...9, using: &random)).map { _ in Self.pieces.randomElement(using: &random)! }
                .joined()
            let whole = NSRange(text.startIndex..., in: text)
            let expected = others.enumerated().lazy.compactMap { number, other in
                other.firstMatch(in: text, range: whole).map { (number, $0) }
            }.first
            let match = Array(text.utf8).withUnsafeBytes { list.firstMatch(in: $0) }
            #expect(match?.pattern == expected?.0, "\(text.debugDescription)")
            guard let match, let expected, match.pattern == expected.0 else { continue }
            found += 1
            for group in 0..<expected.1.numberOfRanges {
                let range = Range(expected.1.range(at: group), in: text)
                let told = match.group(group).map { String(decoding: Array(text.utf8)[$0], as: UTF8.self) }
                #expect(told == range.map { String(text[$0]) }, "\(text.debugDescription), group \(group)")
            }
        }
        #expect(found > 500)
    }

    @Test func aRefusedPatternIsNamedByItsNumber() {
        #expect(throws: PatternList.Refusal(pattern: 1, message: "missing ): (b")) {
            try PatternList([.init("a", ignoresCase: false), .init("(b", ignoresCase: false)])
        }
        #expect(throws: PatternList.Refusal(pattern: nil, message: "no patterns, or too many")) { try PatternList([]) }
    }

    @Test func theLongestTextIsSearched() throws {
        let list = try PatternList([.init("(a|b)*c(d)?$", ignoresCase: false)])
        var text = [UInt8](repeating: UInt8(ascii: "a"), count: PatternList.textBytesMax)
        #expect(text.withUnsafeBytes { list.firstMatch(in: $0) } == nil)
        text[text.count - 1] = UInt8(ascii: "c")
        #expect(text.withUnsafeBytes { list.firstMatch(in: $0)?.group(0) } == 0..<text.count)
        #expect(text.withUnsafeBytes { list.firstMatch(in: $0)?.group(2) } == nil)
        #expect(UnsafeRawBufferPointer(start: nil, count: 0).isEmpty)
        #expect(try PatternList([.init("^$", ignoresCase: false)]).firstMatch(in: .init(start: nil, count: 0))?.group(0) == 0..<0)
    }
}

extension PatternList.Match? {
    fileprivate static func == (match: Self, nothing: _OptionalNilComparisonType) -> Bool {
        if case .none = match { true } else { false }
    }
}
