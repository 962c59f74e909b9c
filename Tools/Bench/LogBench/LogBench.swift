import EventLog
import Foundation
import LogStorage
import RecordFormat

/// Appends records to a log without HTTP, the way requests do: groups of records from several tasks, each waiting for its
/// acknowledgement. Prints one line of JSON.
///
///     log-bench DIRECTORY RECORDS GROUP TASKS fsync|os
@main
struct LogBench {
    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 6, let records = Int(arguments[2]), let groupSize = Int(arguments[3]),
            let tasks = Int(arguments[4]), let durability = LogOptions.Durability(rawValue: arguments[5]),
            let topic = TopicName("bench")
        else {
            FileHandle.standardError.write(Data("usage: log-bench DIRECTORY RECORDS GROUP TASKS fsync|os\n".utf8))
            exit(64)
        }
        var options = LogOptions()
        options.durability = durability
        let log = try EmbeddedLog.open(
            LogDirectory(arguments[1]),
            topics: [TopicDefinition(name: topic, partitionCount: 12, keepsIdentities: true)], options: options)
        let bodies = (0..<2000).map(Self.body)
        let groups = records / groupSize
        let clock = ContinuousClock()
        let cpuBefore = cpuSeconds()
        let started = clock.now
        let times = await withTaskGroup(of: [Double].self) { group in
            for task in 0..<tasks {
                group.addTask {
                    var times: [Double] = []
                    for number in stride(from: task, to: groups, by: tasks) {
                        var records = RecordGroupBuilder(
                            timestamp: ServiceClock.wall(), bodyBytes: groupSize * 900, recordCount: groupSize)
                        for place in 0..<groupSize {
                            let sequence = number * groupSize + place
                            let start = records.bodies.count
                            bodies[sequence % bodies.count].withUnsafeBytes { records.bodies.append(copying: $0) }
                            _ = records.close(
                                from: start, topic: TopicHandle(index: 0), partition: sequence &* 7919 % 12,
                                identity: RecordIdentity(high: UInt64(sequence), low: 1))
                        }
                        let begun = clock.now
                        let receipt = await log.append(RecordGroup(records))
                        precondition(receipt.failures.isEmpty)
                        times.append((clock.now - begun) / .milliseconds(1))
                    }
                    return times
                }
            }
            var all: [Double] = []
            for await times in group { all += times }
            return all.sorted()
        }
        let seconds = (clock.now - started) / .seconds(1)
        let cpu = cpuSeconds() - cpuBefore
        log.close()
        let stored = groups * groupSize
        print(
            """
            {"events":\(stored),"seconds":\(seconds),"per_s":\(Int(Double(stored) / seconds)),"p50_ms":\(times[times.count / 2]),\
            "p99_ms":\(times[(times.count - 1) * 99 / 100]),"cpu_s":\(cpu)}
            """)
    }

    /// A body as ingestion writes it: key, a value of about 770 bytes, three headers.
    private static func body(_ number: Int) -> [UInt8] {
        var target = GrowableBytes()
        func field(_ text: String) {
            Array(text.utf8).withUnsafeBytes { RecordBody.appendField($0, to: &target) }
        }
        let id = UUID().uuidString.lowercased()
        field("user-\(number * 7919 % 50_000)")
        field(
            """
            {"event":"vehicle_view","timestamp":"2026-01-21T10:\(10 + number % 50):00.\(100 + number % 900)Z","messageId":"\(id)",\
            "context":{"page":{"url":"https://okla.com.do/vehiculo/toyota-rav4-\(number)","title":"Toyota RAV4 XLE 2024 - OKLA",\
            "referrer":"https://google.com"},"userAgent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like \
            Gecko) Chrome/120.0.0.0 Safari/537.36","locale":"es-DO","timezone":"America/Santo_Domingo","screen":{"width":1920,\
            "height":1080},"campaign":{"source":"google","medium":"cpc","campaign":"q1-suv","term":"toyota rav4","content":\
            "ad-variant-a"},"ip":"127.0.0.1"},"userId":"user-\(number * 7919 % 50_000)","anonymousId":"anon-\(number * 31 % 60_000)",\
            "sessionId":"session-\(number * 17 % 90_000)","properties":{"vehicleId":"vehicle-\(number)","source":"home","position":3},\
            "receivedAt":"2026-01-21T10:30:45.123Z"}
            """)
        RecordBody.appendHeaderCount(3, to: &target)
        for (name, value) in [("event", "vehicle_view"), ("messageId", id), ("writeKey", "default")] {
            field(name)
            field(value)
        }
        return Array(copying: target)
    }

    private static func cpuSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
