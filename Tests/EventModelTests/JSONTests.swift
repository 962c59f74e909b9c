import EventModel
import Foundation
import TestSupport
import Testing

/// Runs `body` with a view of `text`; the padding behind it is made here.
func withParsed<Result>(_ text: String, depthMax: Int = 66, _ body: (JSONValue) throws -> Result) throws -> Result {
    let bytes = Array(text.utf8)
    return try (bytes + [UInt8](repeating: 0, count: JSONParser.padding)).withUnsafeBytes { padded in
        let parser = JSONParser(depthMax: depthMax)
        let view = try parser.parse(UnsafeRawBufferPointer(rebasing: padded[..<bytes.count]))
        return try withExtendedLifetime(parser) { try body(view.root) }
    }
}

/// A random JSON text, and its value as Foundation has it.
struct RandomJSON {
    var random: SeededGenerator

    mutating func value(depth: Int) -> String {
        switch random.next() % (depth > 5 ? 6 : 8) {
        case 0: return "null"
        case 1: return random.next() % 2 == 0 ? "true" : "false"
        case 2: return String(Int64(bitPattern: random.next()) >> Int64(random.next() % 60))
        case 3: return String(Double(Int64(bitPattern: random.next()) >> 20) / 1024)
        case 4, 5: return string()
        case 6:
            let elements = (0..<random.next() % 5).map { _ in value(depth: depth + 1) }
            return "[\(space())\(elements.joined(separator: "\(space()),\(space())"))\(space())]"
        default:
            let members = (0..<random.next() % 5).map {
                "\"k\($0)\(random.next() % 9)\"\(space()):\(space())\(value(depth: depth + 1))"
            }
            return "{\(space())\(members.joined(separator: "\(space()),\(space())"))\(space())}"
        }
    }

    mutating func string() -> String {
        let pieces = [
            "a", "\\\"", "\\\\", "\\n", "\\u00e9", "é", "🚗", "\\ud83d\\ude97", " ", "{", "]", ",", ":", "\\/", "\\u0000",
        ]
        return "\"" + (0..<random.next() % 8).map { _ in pieces[Int(random.next() % UInt64(pieces.count))] }.joined() + "\""
    }

    mutating func space() -> String { ["", "", " ", "\n\t"][Int(random.next() % 4)] }
}

@Suite struct JSONTests {
    /// Compares a view with Foundation's reading of the same text, and every source range with a parse of that range alone.
    private func compare(_ value: JSONValue, _ expected: Any) throws {
        switch expected {
        case is NSNull: #expect(value.isNull)
        case let text as String:
            #expect(value.string == text)
        case let list as [Any]:
            let elements = Array(value.elements)
            #expect(value.isArray && elements.count == list.count)
            for (element, other) in zip(elements, list) { try compare(element, other) }
        case let object as [String: Any]:
            #expect(value.isObject)
            let members = Array(value.members)
            #expect(Set(members.map { $0.key.string! }) == Set(object.keys))
            for (key, member) in members { try compare(member, try #require(object[key.string!])) }
        case let number as NSNumber:
            if let bool = value.bool {
                #expect(bool == number.boolValue)
            } else {
                // Foundation rounds some decimals to a neighbour; the standard library does not.
                #expect(value.number == Double(String(decoding: value.source, as: UTF8.self)))
            }
        default: Issue.record("unexpected \(expected)")
        }
        // A value's source range holds that value and nothing else.
        try withParsed(String(decoding: value.source, as: UTF8.self)) { again in
            #expect(again.sourceRange == 0..<value.sourceRange.count)
            #expect(again.descendantCount == value.descendantCount)
        }
    }

    @Test(arguments: 1...300)
    func viewsSayWhatFoundationReads(_ seed: UInt64) throws {
        var maker = RandomJSON(random: SeededGenerator(seed: seed))
        let text = maker.space() + maker.value(depth: 0) + maker.space()
        let expected = try JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)
        try withParsed(text) { try compare($0, expected) }
        // The slow reader agrees that it is JSON.
        _ = try Array(text.utf8).withUnsafeBytes { try JSONGrammar.outline($0) }
    }

    @Test(arguments: 1...500)
    func theTwoReadersAgreeOnWhatIsNotJSON(_ seed: UInt64) throws {
        var maker = RandomJSON(random: SeededGenerator(seed: seed))
        var bytes = Array(maker.value(depth: 0).utf8)
        for _ in 0..<1 + maker.random.next() % 3 where !bytes.isEmpty {
            let place = Int(maker.random.next() % UInt64(bytes.count))
            switch maker.random.next() % 3 {
            case 0: bytes.remove(at: place)
            case 1: bytes[place] = UInt8(truncatingIfNeeded: maker.random.next())
            default: bytes.insert(Array("{}[],:\"\\0e-.tnf\u{1}".utf8)[Int(maker.random.next() % 16)], at: place)
            }
        }
        let isJSON = bytes.withUnsafeBytes { (try? JSONGrammar.outline($0)) != nil }
        let parsed = (bytes + [UInt8](repeating: 0, count: 64)).withUnsafeBytes { padded -> JSONParser.Refusal? in
            do throws(JSONParser.Refusal) {
                _ = try JSONParser(depthMax: 66).parse(UnsafeRawBufferPointer(rebasing: padded[..<bytes.count]))
                return nil
            } catch { return error }
        }
        // What the parser reads is JSON; what it refuses is not, but for numbers and surrogates, which it may refuse.
        if parsed == nil { #expect(isJSON) }
        if isJSON, let parsed {
            let text = String(decoding: bytes, as: UTF8.self)
            #expect(parsed == .numberOutOfRange || text.contains("\\u"), "\(text)")
        }
    }

    @Test(arguments: [
        (#"{"a":1,}"#, 7, "member name"), (#"[1,2"#, 4, ", or ]"), (#"{"a" 1}"#, 5, ":"), ("[01]", 2, ", or ]"),
        ("\"a\u{1}\"", 2, "control"), (#""\x""#, 2, "escape"), ("", 0, "end"), ("1 2", 2, "behind"), ("[tru]", 4, "true"),
        (#"{"a":1}}"#, 7, "behind"), ("[1.]", 3, "digit"), (#""\u12g4""#, 5, "hexadecimal"), ("\"abc", 4, "end"),
    ])
    func brokenTextsAreRefusedWhereTheyBreak(_ text: String, _ position: Int, _ words: String) {
        let violation = Array(text.utf8).withUnsafeBytes { bytes -> JSONGrammar.Violation? in
            do throws(JSONGrammar.Violation) {
                _ = try JSONGrammar.outline(bytes)
                return nil
            } catch { return error }
        }
        #expect(violation?.position == position)
        #expect(violation?.message.contains(words) == true, "\(violation?.message ?? "")")
    }

    @Test(
        arguments: [[0x22, 0xFF, 0x22], [0x22, 0xC3, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22], [0x22, 0xC0, 0x80, 0x22]] as [[UInt8]]
    )
    func textsThatAreNotUnicodeAreRefused(_ bytes: [UInt8]) {
        let failure = #expect(throws: JSONGrammar.Violation.self) { try bytes.withUnsafeBytes { try JSONGrammar.outline($0) } }
        #expect(failure?.message == "invalid UTF-8" && failure?.position == 1)
    }

    @Test func anOutlineNamesThePartsOfTheOutermostValue() throws {
        let text = Array(#" {"a" : [1, {"x":2}] , "b":"c"} "#.utf8)
        let outline = try text.withUnsafeBytes { try JSONGrammar.outline($0) }
        guard case .object(let members) = outline else {
            Issue.record("not an object")
            return
        }
        #expect(members.map { String(decoding: text[$0.name], as: UTF8.self) } == [#""a""#, #""b""#])
        #expect(members.map { String(decoding: text[$0.value], as: UTF8.self) } == [#"[1, {"x":2}]"#, #""c""#])
        let list = Array("[[],1, {} ]".utf8)
        guard case .array(let elements, let count) = try list.withUnsafeBytes({ try JSONGrammar.outline($0) }) else {
            Issue.record("not an array")
            return
        }
        #expect(elements.map { String(decoding: list[$0], as: UTF8.self) } == ["[]", "1", "{}"] && count == 3)
        let first = try list.withUnsafeBytes { try JSONGrammar.outline($0, elementsMax: 1) }
        #expect(first == .array(elements: [1..<3], count: 3))
    }

    @Test(arguments: 1...200)
    func unicodeIsWhatTheStandardLibrarySaysItIs(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let pieces: [[UInt8]] = [
            [0x61], [0xC3, 0xA9], [0xE2, 0x82, 0xAC], [0xF0, 0x9F, 0x9A, 0x97], [0xED, 0x9F, 0xBF], [0xEE, 0x80, 0x80],
            [0xF4, 0x8F, 0xBF, 0xBF],
        ]
        for _ in 0..<200 {
            var bytes = (0..<1 + random.next() % 6).flatMap { _ in pieces[Int(random.next() % 7)] }
            if random.next() % 4 > 0 {
                bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next()) | 0x80
            }
            let isUnicode = String(validating: bytes, as: UTF8.self) != nil
            let text = [0x22] + bytes + [0x22]
            let isJSON = text.withUnsafeBytes { (try? JSONGrammar.outline($0)) != nil }
            #expect(isJSON == isUnicode, "\(bytes)")
        }
    }

    @Test func nestingIsBoundedInBothReaders() throws {
        func nested(_ depth: Int) -> String { String(repeating: "[", count: depth) + String(repeating: "]", count: depth) }
        try withParsed(nested(60)) { #expect($0.isArray) }
        #expect(throws: JSONParser.Refusal.tooDeep) { try withParsed(nested(200)) { _ in } }
        _ = try Array(nested(1024).utf8).withUnsafeBytes { try JSONGrammar.outline($0, depthMax: 1024) }
        let tooDeep = #expect(throws: JSONGrammar.Violation.self) {
            try Array(nested(1025).utf8).withUnsafeBytes { try JSONGrammar.outline($0, depthMax: 1024) }
        }
        #expect(tooDeep?.message == "nesting deeper than 1024" && tooDeep?.position == 1024)
        // Where it does not matter, the text is the bound.
        _ = try Array(nested(1_000_000).utf8).withUnsafeBytes { try JSONGrammar.outline($0) }
        let open = #expect(throws: JSONGrammar.Violation.self) {
            try Array(repeating: UInt8(ascii: "["), count: 1_000_000).withUnsafeBytes { try JSONGrammar.outline($0) }
        }
        #expect(open?.message == "unexpected end" && open?.position == 1_000_000)
    }

    @Test(arguments: [
        (#""\ud83d""#, #""\ufffd""#, 1), (#""\ude97x""#, #""\ufffdx""#, 1), (#""\ud83d\ude97""#, #""\ud83d\ude97""#, 0),
        (#""\\ud83d""#, #""\\ud83d""#, 0), (#""\ud83d\ud83d\ude97""#, #""\ufffd\ud83d\ude97""#, 1),
        (#""\uD83D\n\uDE97""#, #""\ufffd\n\ufffd""#, 2), (#""\ud8"#, #""\ud8"#, 0), (#""\u00e9""#, #""\u00e9""#, 0),
    ])
    func loneSurrogatesBecomeTheReplacementCharacter(_ text: String, _ expected: String, _ count: Int) {
        var bytes = Array(text.utf8)
        #expect(bytes.withUnsafeMutableBytes { LoneSurrogates.replace(in: $0) } == count)
        #expect(String(decoding: bytes, as: UTF8.self) == expected)
    }

    @Test func aNameThatStandsTwiceIsFoundHoweverItIsSpelled() throws {
        func twice(_ text: String) throws -> String? {
            try withParsed(text) { RepeatedName.first(in: $0).map { String(decoding: $0, as: UTF8.self) } }
        }
        #expect(try twice(#"{"a":1,"b":2}"#) == nil)
        #expect(try twice(#"{"event":1,"\u0065vent":2}"#) == "event")
        let many = (0..<500).map { "\"k\($0)\":0" }
        #expect(try twice("{\(many.joined(separator: ","))}") == nil)
        #expect(try twice("{\(many.joined(separator: ",")),\"k7\":1}") == "k7")
        // Every length, so that each way of comparing is gone: names that differ in one byte only, anywhere, are two.
        for length in 0..<20 {
            let name = String(repeating: "n", count: length)
            #expect(try twice("{\"\(name)\":1,\"other\":2,\"\(name)\":3}") == name)
            for place in 0..<length {
                var other = Array(name.utf8)
                other[place] = UInt8(ascii: "m")
                #expect(try twice("{\"\(name)\":1,\"\(String(decoding: other, as: UTF8.self))\":2}") == nil)
            }
        }
    }
}

@Suite struct TimestampTests {
    private func read(_ text: String) -> Int64? { Array(text.utf8).withUnsafeBytes { Timestamp.milliseconds($0) } }

    @Test(arguments: 1...200)
    func timesReadAndWriteAsFoundationDoes(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let milliseconds = Int64.random(in: -62_135_596_800_000...253_402_300_799_999, using: &random)
        let text = Timestamp.text(milliseconds)
        #expect(read(text) == milliseconds)
        let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        if milliseconds > -12_219_292_800_000 {  // before, Foundation's calendar is the Julian one
            let date = try style.parse(text)
            #expect(Int64((date.timeIntervalSince1970 * 1000).rounded()) == milliseconds)
        }
    }

    @Test(arguments: [
        ("2026-01-21T10:30:45.123Z", 1_768_991_445_123), ("2026-01-21T06:30:45.123456-04:00", 1_768_991_445_123),
        ("2026-01-21t10:30:45z", 1_768_991_445_000), ("2026-01-21", 1_768_953_600_000), ("2024-02-29", 1_709_164_800_000),
        ("1970-01-01 00:00:00Z", 0), ("1969-12-31T23:59:59.9Z", -100), ("2016-12-31T23:59:60Z", 1_483_228_799_000),
        ("2017-01-01T09:29:60+09:30", 1_483_228_799_000),
    ])
    func knownTimes(_ text: String, _ expected: Int) { #expect(read(text) == Int64(expected)) }

    @Test(arguments: [
        "", "2026", "2026-13-01", "2026-02-29", "2026-01-21T10:30:45", "2026-01-21T24:00:00Z", "2026-01-21T10:60:00Z",
        "2026-01-21T10:30:45.Z", "2026-01-21T10:30:45+0400", "2026-01-21T10:30:60Z", "2026-01-21T10:30:45Zx", "now", "2026-1-2",
        "20260121T103045Z", "2026-01-21T10:30:45+24:00",
    ])
    func whatIsNoTimeIsRefused(_ text: String) { #expect(read(text) == nil) }

    /// The usual form has a way of its own, which has to say what the other one says.
    @Test func oneWrongCharacterIsRefusedInTheUsualFormAsInAnyOther() {
        let usual = Array("2026-01-21T10:30:45.123Z".utf8)
        for place in usual.indices {
            for byte in UInt8(0x20)...0x7E {
                var text = usual
                text[place] = byte
                let inUsualForm = text.withUnsafeBytes { Timestamp.milliseconds($0) }
                // With one digit more it is another form.
                let inOtherForm = (text[..<23] + [UInt8(ascii: "0"), text[23]]).withUnsafeBytes { Timestamp.milliseconds($0) }
                #expect(inUsualForm == inOtherForm, "\(String(decoding: text, as: UTF8.self))")
            }
        }
    }
}

@Suite struct EnvelopeRulesTests {
    private func violations(_ text: String, eventName: StaticString? = nil) throws -> [EventViolation] {
        try withParsed(text) { event in
            var found: [EventViolation] = []
            EnvelopeRules(naming: eventName.map { .given($0) } ?? .own).check(event, Envelope(of: event), into: &found)
            return found
        }
    }

    @Test(arguments: [
        #"{"event":"a","userId":"u"}"#, #"{"event":"a","userId":null,"anonymousId":"x","messageId":null}"#,
        #"{"event":"a","userId":"u","timestamp":"2026-01-21T10:30:45Z","context":null,"properties":{},"traits":{}}"#,
        #"{"\u0065vent":"a","userId":"u","extra":{"event":{"event":1}}}"#,
    ])
    func goodEnvelopesPass(_ text: String) throws { #expect(try violations(text) == []) }

    @Test(arguments: [
        (#"[]"#, "", "type"), (#"{"userId":"u"}"#, "", "required"), (#"{"event":"a"}"#, "", "required"),
        (#"{"event":null,"userId":"u"}"#, "", "required"), (#"{"event":"","userId":"u"}"#, "/event", "minLength"),
        (#"{"event":7,"userId":"u"}"#, "/event", "type"), (#"{"event":"a","userId":5}"#, "/userId", "type"),
        (#"{"event":"a","userId":"u","messageId":""}"#, "/messageId", "minLength"),
        (#"{"event":"a","userId":"u","timestamp":"yesterday"}"#, "/timestamp", "format"),
        (#"{"event":"a","userId":"u","timestamp":17}"#, "/timestamp", "type"),
        (#"{"event":"a","userId":"u","context":[]}"#, "/context", "type"),
        (#"{"event":"a","userId":"u","properties":"x"}"#, "/properties", "type"),
        (#"{"event":"a","userId":"u","userId":"v"}"#, "/userId", "uniqueNames"),
        (#"{"event":"a","userId":"u","properties":{"a/b":1,"a\/b":2}}"#, "/properties/a~1b", "uniqueNames"),
        (#"{"event":"a","userId":"u","context":{"ip":1,"ip":2}}"#, "/context/ip", "uniqueNames"),
    ])
    func eachRuleIsKept(_ text: String, _ path: String, _ keyword: String) throws {
        let found = try violations(text)
        #expect(found.map(\.path) == [path])
        #expect(found.map(\.keyword) == [keyword])
    }

    @Test func lengthsAreCountedInCharactersAtTheirBounds() throws {
        for (length, isFine) in [(128, true), (129, false)] {
            for letter in ["x", "ñ", "🚗"] {
                let name = String(repeating: letter, count: length)
                #expect(try violations("{\"event\":\"\(name)\",\"userId\":\"u\"}").isEmpty == isFine)
            }
        }
        #expect(
            try violations("{\"event\":\"a\",\"userId\":\"u\",\"messageId\":\"\(String(repeating: "m", count: 257))\"}").count
                == 1)
    }

    @Test func theAddressMayGiveTheName() throws {
        #expect(try violations(#"{"userId":"u"}"#, eventName: "identify") == [])
        #expect(try violations(#"{"event":"identify","userId":"u"}"#, eventName: "identify") == [])
        #expect(try violations(#"{"event":"other","userId":"u"}"#, eventName: "identify").map(\.keyword) == ["const"])
    }

    @Test func tooManyValuesAreRefused() throws {
        let list = Array(repeating: "0", count: EnvelopeRules.valuesMax + 1).joined(separator: ",")
        #expect(
            try violations("{\"event\":\"a\",\"userId\":\"u\",\"properties\":{\"l\":[\(list)]}}").map(\.keyword) == [
                "maxProperties"
            ])
    }
}
