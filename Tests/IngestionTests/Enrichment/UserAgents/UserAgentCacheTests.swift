import Foundation
import Ingestion
import Synchronization
import TestSupport
import Testing

@Suite struct UserAgentCacheTests {
    private func facts(_ text: String) -> UserAgentFacts {
        Array(text.utf8).withUnsafeBytes {
            UserAgentFacts(
                userAgent: $0, ParsedUserAgent(browser: .init(family: text, major: "1")), kind: .desktop, botRule: nil)
        }
    }

    /// Looks `text` up, and says whether it was there.
    @discardableResult
    private func ask(_ cache: UserAgentCache, _ text: String) -> Bool {
        var isNew = false
        let found = Array(text.utf8).withUnsafeBytes { bytes in
            cache.facts(for: bytes) {
                isNew = true
                return facts(text)
            }
        }
        precondition(found.userAgent == Array(text.utf8), "another string's facts")
        return !isNew
    }

    @Test func whatWasAskedForIsRemembered() {
        let cache = UserAgentCache()
        #expect(!ask(cache, "a"))
        #expect(ask(cache, "a"))
        #expect(!ask(cache, "A"))
        #expect(!ask(cache, ""))
        #expect(ask(cache, ""))
        let statistics = cache.statistics
        #expect(statistics.hits == 2 && statistics.misses == 3 && statistics.entries == 3 && statistics.evictions == 0)
        #expect(statistics.bytes == facts("a").byteCount * 2 + facts("").byteCount)
        cache.checkInvariants()
    }

    @Test func stringsWithTheSameHashAreNotTakenForEachOther() {
        var shard = UserAgentCacheShard(entriesMax: 10, bytesMax: 10_000)
        let texts = ["a", "b"].map { Array($0.utf8) }
        for text in texts {
            #expect(text.withUnsafeBytes { shard.find($0, hash: 7) } == nil)
            shard.insert(facts(String(decoding: text, as: UTF8.self)), hash: 7)
            #expect(text.withUnsafeBytes { shard.find($0, hash: 7)?.userAgent } == text)
            shard.checkInvariants()
        }
        #expect(texts[0].withUnsafeBytes { shard.find($0, hash: 7) } == nil)
        #expect(shard.count == 1)
    }

    @Test func theBoundsHoldForAMillionStrings() {
        let bounds = UserAgentCache.Bounds()
        let cache = UserAgentCache(bounds: bounds)
        for number in 0..<1_000_000 {
            ask(cache, "user agent \(number)")
            guard number % 50_000 == 0 else { continue }
            let statistics = cache.statistics
            #expect(statistics.entries <= bounds.entriesMax && statistics.bytes <= bounds.bytesMax)
            cache.checkInvariants()
        }
        #expect(cache.statistics.entries == bounds.entriesMax)
        #expect(cache.statistics.evictions == 1_000_000 - bounds.entriesMax)
    }

    @Test func longStringsAreBoundedByTheirBytes() {
        let bounds = UserAgentCache.Bounds(entriesMax: 16_384, bytesMax: 1 << 20)
        let cache = UserAgentCache(bounds: bounds)
        for number in 0..<20_000 { ask(cache, "\(number)" + String(repeating: "x", count: number % 1000)) }
        #expect(cache.statistics.bytes <= bounds.bytesMax)
        #expect(cache.statistics.bytes > bounds.bytesMax * 9 / 10)
        #expect(cache.statistics.entries < 2000)
        cache.checkInvariants()
        // One that is larger than a whole part is told and not kept.
        let large = String(repeating: "y", count: 1 << 17)
        #expect(!ask(cache, large))
        #expect(!ask(cache, large))
        cache.checkInvariants()
    }

    @Test func whatIsAskedForAgainOutlastsAMillionThatComeOnce() {
        let cache = UserAgentCache()
        let hot = (0..<1000).map { "hot \($0)" }
        for _ in 0..<2 { for text in hot { ask(cache, text) } }
        // Nothing of it is asked for meanwhile: what evicts the least recently used would have none of it left.
        for number in 0..<1_000_000 { ask(cache, "once \(number)") }
        #expect(hot.filter { ask(cache, $0) }.count == hot.count)
    }

    @Test func whatIsNoLongerAskedForMakesRoomInTheEnd() {
        let cache = UserAgentCache(bounds: .init(entriesMax: 1600, bytesMax: 16 << 20))
        for _ in 0..<3 { for number in 0..<1600 { ask(cache, "old \(number)") } }
        var random = SeededGenerator(seed: 1)
        // Small numbers are drawn more often than large ones.
        func draw() -> String { "new \(Int.random(in: 0...Int.random(in: 0..<2000, using: &random), using: &random))" }
        for _ in 0..<50_000 { ask(cache, draw()) }
        let before = cache.statistics
        for _ in 0..<10_000 { ask(cache, draw()) }
        #expect(cache.statistics.hits - before.hits > 8500)
        #expect(!ask(cache, "old 1"))
        cache.checkInvariants()
    }

    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func theInvariantsHoldAfterAnyOrderOfRequests(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let cache = UserAgentCache(
            bounds: .init(entriesMax: Int(random.next() % 200), bytesMax: 4000 + Int(random.next() % 100_000)))
        for _ in 0..<3000 {
            let number = Int(random.next() % 400)
            ask(cache, String(repeating: "\(number)", count: 1 + number % 40))
            cache.checkInvariants()
        }
    }

    @Test func severalThreadsGetRightAnswers() throws {
        let strings = try UapCore.cases("tests/test_ua.yaml").compactMap { $0["user_agent_string"] ?? nil }
        let expected = strings.map { UserAgentParser.shared.facts($0).all }
        // Fewer places than strings, so that they come and go.
        let parser = try UserAgentParser(
            rulesFile: UserAgentParser.defaultRulesFile, cacheBounds: .init(entriesMax: 500, bytesMax: 1 << 20))
        let wrong = Mutex<[String]>([])
        DispatchQueue.concurrentPerform(iterations: 8) { thread in
            var random = SeededGenerator(seed: UInt64(thread))
            for _ in 0..<4000 {
                // Half of the requests for a twentieth of the strings.
                let isHot = random.next() & 1 == 0
                let number = Int(random.next() % UInt64(isHot ? strings.count / 20 : strings.count))
                if parser.facts(strings[number]).all != expected[number] { wrong.withLock { $0.append(strings[number]) } }
            }
        }
        #expect(wrong.withLock { $0 } == [])
        let statistics = parser.statistics
        #expect(statistics.hits + statistics.misses == 8 * 4000)
        #expect(statistics.hits > 8000)
        parser.checkInvariants()
    }
}
