import EventLog
import Foundation
import LogStorage
import RecordFormat

/// Users of whom the one of rank k comes with a probability of about 1/k.
struct ZipfUsers: Sendable {
    let count: Int

    /// The same number gives the same user.
    func rank(_ number: UInt64) -> Int {
        min(count, Int(pow(Double(count) + 1, Double(Self.mixed(number) >> 11) / Double(1 << 53))))
    }

    /// splitmix64: evenly spread, and different for different numbers.
    static func mixed(_ number: UInt64) -> UInt64 {
        var z = number &+ 0x9E37_79B9_7F4A_7C15
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    static func name(_ rank: Int) -> String { "user-\(rank)" }
}

/// Fills the log with events of about 770 bytes.
struct Generating {
    let log: EmbeddedLog
    let topic: TopicDefinition
    let users: ZipfUsers
    let eventCount: Int

    private static let groupRecords = 200
    private static let names = ["page_view", "vehicle_view", "search", "vehicle_view", "lead_form_submit"]

    struct Result {
        let eventsPerSecond: Double
        /// Of each user, by rank.
        let counts: [Int32]

        /// The user whose number of events comes next to `count`.
        func rank(of count: Int) -> Int {
            counts.indices.dropFirst().min { abs(Int(counts[$0]) - count) < abs(Int(counts[$1]) - count) } ?? 1
        }
    }

    func run() async throws -> Result {
        let handle = log.topic(named: topic.name)!.handle
        let started = ContinuousClock.now
        var counts = [Int32](repeating: 0, count: users.count + 1)
        // Several at once, so that the log's thread always has the next ones.
        let window = 8
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            var running = 0
            for first in stride(from: 0, to: eventCount, by: Self.groupRecords) {
                if running == window { try await tasks.next() } else { running += 1 }
                let numbers = first..<min(first + Self.groupRecords, eventCount)
                for number in numbers { counts[users.rank(UInt64(number))] += 1 }
                tasks.addTask {
                    let receipt = await log.append(RecordGroup(group(numbers, handle)))
                    if let failure = receipt.failures.first { throw failure }
                }
            }
            try await tasks.waitForAll()
        }
        for number in 0..<topic.partitionCount { try await log.settle(TopicPartition(topic.name, PartitionID(number))) }
        return Result(eventsPerSecond: Double(eventCount) / ((ContinuousClock.now - started) / .seconds(1)), counts: counts)
    }

    private func group(_ numbers: Range<Int>, _ topic: TopicHandle) -> RecordGroupBuilder {
        var group = RecordGroupBuilder(
            timestamp: 1_769_000_000_000 + Int64(numbers.lowerBound / 10), bodyBytes: 1200 * numbers.count,
            recordCount: numbers.count)
        for number in numbers {
            let start = group.bodies.count
            let key = Array(ZipfUsers.name(users.rank(UInt64(number))).utf8)
            let name = Self.names[number % Self.names.count]
            key.withUnsafeBytes { RecordBody.appendField($0, to: &group.bodies) }
            var value = GrowableBytes(capacity: 800)
            value.append("{\"event\":\"")
            value.append(utf8: name)
            value.append("\",\"userId\":\"")
            key.withUnsafeBytes { value.append(copying: $0) }
            value.append("\",\"messageId\":\"01a22738-")
            // It hardly compresses, as real ones.
            value.append(utf8: String(ZipfUsers.mixed(~UInt64(number)), radix: 16))
            value.append("\",\"properties\":{\"vehicleId\":\"vehicle-")
            value.append(decimal: number &* 7919 % 100_003)
            value.append(Self.rest)
            RecordBody.appendField(value.bytes, to: &group.bodies)
            RecordBody.appendHeaderCount(1, to: &group.bodies)
            Array(name.utf8).withUnsafeBytes { RecordBody.appendHeader("event", $0, to: &group.bodies) }
            let partition = key.withUnsafeBytes { Murmur2.partition(of: $0, partitionCount: self.topic.partitionCount) }
            _ = group.close(from: start, topic: topic, partition: partition, identity: nil)
        }
        return group
    }

    private static let rest: StaticString = """
        ","source":"home","position":3},"timestamp":"2026-01-21T10:30:45.123Z","context":{"page":{"url":"https://okla.com.do/vehiculo/toyota-rav4",\
        "title":"Toyota RAV4 XLE 2024 - OKLA","referrer":"https://google.com"},"userAgent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) \
        AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36","locale":"es-DO","timezone":"America/Santo_Domingo","screen":{"width":\
        1920,"height":1080},"campaign":{"source":"google","medium":"cpc","campaign":"q1-suv","term":"toyota rav4","content":"ad-variant-a"},"ip":\
        "127.0.0.1"},"receivedAt":"2026-01-21T10:30:45.123Z"}
        """
}
