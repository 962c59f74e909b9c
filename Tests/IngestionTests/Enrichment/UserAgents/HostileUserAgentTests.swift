import EventModel
import Ingestion
import TestSupport
import Testing

@Suite struct HostileUserAgentTests {
    private let parser = UserAgentParser.shared

    private func cut(_ bytes: [UInt8]) -> [UInt8] { bytes.withUnsafeBytes { Array(UserAgentParser.cut($0)) } }

    /// All that is told must be JSON: nothing, or an object.
    private func expectJSON(_ facts: UserAgentFacts, _ place: SourceLocation = #_sourceLocation) throws {
        let reader = JSONParser(depthMax: 4)
        for text in [facts.browser, facts.operatingSystem, facts.device, facts.bot] where !text.isEmpty {
            let padded = text + [UInt8](repeating: 0, count: JSONParser.padding)
            try padded.withUnsafeBytes { _ = try reader.parse(UnsafeRawBufferPointer(rebasing: $0[..<text.count])) }
        }
    }

    @Test func onlySoMuchOfALongOneCounts() throws {
        let start =
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36 "
        let long = Array((start + String(repeating: "x", count: 1 << 20) + " Googlebot/2.1").utf8)
        #expect(cut(long) == Array(long[..<UserAgentLimits.userAgentBytesMax]))
        let facts = long.withUnsafeBytes { parser.facts(for: $0) }
        #expect(facts.userAgent.count == UserAgentLimits.userAgentBytesMax)
        #expect(facts.all == parser.facts(start).all)
        // Two that differ behind the cut are one.
        #expect((long + [33]).withUnsafeBytes { parser.facts(for: $0) } === facts)
    }

    @Test func oneThatIsJustShortEnoughIsNotCut() {
        let text = [UInt8](repeating: 97, count: UserAgentLimits.userAgentBytesMax)
        #expect(cut(text) == text)
        #expect(cut(text + [97]) == text)
    }

    @Test(arguments: ["é", "€", "😀"])
    func aCharacterIsNeverCutInTwo(_ character: String) {
        let width = character.utf8.count
        for before in 0...width {
            let text = String(repeating: "a", count: UserAgentLimits.userAgentBytesMax - before) + character + "tail"
            let kept = before == width ? character : ""
            let expected = String(repeating: "a", count: UserAgentLimits.userAgentBytesMax - before) + kept
            #expect(String(decoding: cut(Array(text.utf8)), as: UTF8.self) == expected)
        }
    }

    @Test func everyByteAndEveryCharacterIsTaken() throws {
        let starts = ["", "Mozilla/5.0 (Linux; Android 9; ", "Mozilla/5.0 (X11; Linux) Foo"]
        for start in starts {
            for byte in UInt8.min...UInt8.max {
                let text = Array(start.utf8) + [byte, byte] + Array(" Build/X) bot/1.0 Mobile Safari/1".utf8)
                try expectJSON(text.withUnsafeBytes { parser.facts(for: $0) })
            }
            let all = Array(start.utf8) + Array(0...255) + Array(" Build/X)".utf8)
            try expectJSON(all.withUnsafeBytes { parser.facts(for: $0) })
        }
        let controls = String(decoding: (0..<32).map { UInt8($0) }, as: UTF8.self)
        try expectJSON(parser.facts("Mozilla/5.0 (Linux; Android 9; \(controls)€😀 Build/X) Chrome/1.2.3.4 Mobile"))
    }

    @Test func piecesOfAllPatternsTogetherAreTaken() throws {
        let strings = try UapCore.cases("tests/test_device.yaml").compactMap { $0["user_agent_string"] ?? nil }
        var random = SeededGenerator(seed: 7)
        for _ in 0..<500 {
            var text: [UInt8] = []
            while text.count < 2 * UserAgentLimits.userAgentBytesMax {
                let other = Array(strings.randomElement(using: &random)!.utf8)
                text += other[Int.random(in: 0..<other.count, using: &random)...].prefix(40)
            }
            let facts = text.withUnsafeBytes { parser.facts(for: $0) }
            #expect(facts.userAgent.count <= UserAgentLimits.userAgentBytesMax)
            try expectJSON(facts)
        }
    }

    /// What makes other engines try every way there is.
    @Test(arguments: [
        ("Mozilla", "Mobile", "!"), ("iPod;", "CPUOS 1_1", "!"), ("", "[FB", "! _1SLQ_2"), ("; ", " ", "◎"),
        ("HbbTV/1.1.1 (", ";a;2011", "!"),
        ("Windows Phone  ; ", "IEMobile/", "!"), ("", "Windows Phone ", "@1 _SLQ_2)"), ("", "bot", ""),
        ("Android 1; ", " Build", "!"),
    ])
    func repetitionsAreTaken(_ start: String, _ repeated: String, _ end: String) throws {
        let text = start + String(repeating: repeated, count: 10_000) + end
        try expectJSON(parser.facts(text))
        let short =
            start + String(repeating: repeated, count: (UserAgentLimits.userAgentBytesMax - 20) / repeated.utf8.count) + end
        try expectJSON(parser.facts(short))
    }
}
