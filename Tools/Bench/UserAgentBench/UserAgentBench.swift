import Foundation
import Ingestion

/// What telling a user agent costs, over the strings of uap-core's own test cases, on one thread. Prints one line of JSON: what it costs
/// where it is new, where it is remembered, and how often it is where strings are drawn as from traffic, the k-th most frequent
/// with a probability like 1/k, out of more of them than are remembered.
///
///     user-agent-bench [FOLDER]      where uap-core is, /usr/share/uap-core unless given
@main
struct UserAgentBench {
    private static let drawsCount = 2_000_000

    static func main() throws {
        let folder = CommandLine.arguments.count > 1 ? CommandLine.arguments[1] : "/usr/share/uap-core"
        let strings = try userAgents(in: folder)
        let rulesFile = "\(folder)/regexes.yaml"

        // Each string is new to the second parser of the two, whose automata have seen them all.
        let parser = try UserAgentParser(rulesFile: rulesFile, cacheBounds: .init(entriesMax: 0, bytesMax: 0))
        _ = nanoseconds(strings, parser)
        let miss = nanoseconds(strings, parser)

        let hot = Array(strings.prefix(1000))
        let remembering = try UserAgentParser(rulesFile: rulesFile)
        _ = nanoseconds(hot, remembering)
        let hit = nanoseconds(Array(repeatElement(hot, count: 1000).joined()), remembering)

        let before = remembering.statistics
        let traffic = nanoseconds(draws(from: strings), remembering)
        let after = remembering.statistics
        let hitRate = Double(after.hits - before.hits) / Double(drawsCount)
        print(
            """
            {"strings":\(strings.count),"miss_ns":\(Int(miss)),"hit_ns":\(Int(hit)),"zipf_draws":\(drawsCount),\
            "zipf_hit_rate":\((hitRate * 10_000).rounded() / 10_000),"zipf_ns":\(Int(traffic)),"entries":\(after.entries),\
            "bytes":\(after.bytes)}
            """)
    }

    /// The distinct strings of the test cases, in an order that has nothing to do with the files' order but is the same each time.
    private static func userAgents(in folder: String) throws -> [[UInt8]] {
        var found: Set<[UInt8]> = []
        for place in ["tests", "test_resources"] {
            for name in try FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(place)") where name.hasSuffix(".yaml") {
                var events = try YAMLEvents(path: "\(folder)/\(place)/\(name)", bytesMax: 64 << 20)
                var isNext = false
                while true {
                    let event = try events.next()
                    if event == .end { break }
                    guard case .scalar(let text) = event else { continue }
                    if isNext { found.insert(Array(text.utf8)) }
                    isNext = text == "user_agent_string"
                }
            }
        }
        var random = Random(state: 1)
        return found.sorted { $0.lexicographicallyPrecedes($1) }.shuffled(using: &random)
    }

    private static func draws(from strings: [[UInt8]]) -> [[UInt8]] {
        var sums: [Double] = []
        var sum = 0.0
        for number in 0..<strings.count {
            sum += 1 / Double(number + 1)
            sums.append(sum)
        }
        var random = Random(state: 2)
        return (0..<drawsCount).map { _ in
            let wanted = Double.random(in: 0..<sum, using: &random)
            var (low, high) = (0, sums.count - 1)
            while low < high {
                let middle = (low + high) / 2
                if sums[middle] > wanted { high = middle } else { low = middle + 1 }
            }
            return strings[low]
        }
    }

    private static func nanoseconds(_ strings: [[UInt8]], _ parser: UserAgentParser) -> Double {
        let started = cpuSeconds()
        for string in strings { string.withUnsafeBytes { _ = parser.facts(for: $0) } }
        return (cpuSeconds() - started) * 1e9 / Double(strings.count)
    }

    private static func cpuSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

/// An xorshift: the same numbers each time.
private struct Random: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}
