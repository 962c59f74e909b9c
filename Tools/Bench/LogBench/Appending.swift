import EventLog
import Foundation
import LogStorage
import RecordFormat

/// Appends groups of records from several tasks, each waiting for its acknowledgement before the next.
struct Appending {
    private let directory: String
    private let topic: TopicName
    private let groupCount, groupSize, taskCount, partitionCount, sliceCount: Int
    private let durability: LogOptions.Durability

    init(_ directory: String, _ options: [String: String]) {
        func number(_ name: String, _ fallback: Int? = nil) -> Int {
            guard let value = options[name].map({ Int($0) }) ?? fallback, value > 0 else { LogBench.end() }
            return value
        }
        guard let topic = options["topic"].flatMap({ TopicName($0) }),
            let durability = options["durability"].flatMap(LogOptions.Durability.init)
        else { LogBench.end() }
        self.directory = directory
        self.topic = topic
        self.durability = durability
        groupSize = number("group")
        groupCount = number("records") / groupSize
        taskCount = number("tasks")
        partitionCount = number("partitions")
        sliceCount = number("slices", 1)
    }

    private struct Slice {
        let events: Int
        let seconds, cpuSeconds: Double
        /// What `ReferenceWork` took around this slice.
        let referenceSeconds: Double
    }

    func run() async throws {
        var options = LogOptions()
        options.durability = durability
        let log = try EmbeddedLog.open(
            LogDirectory(directory),
            topics: [TopicDefinition(name: topic, partitionCount: partitionCount, keepsIdentities: true)], options: options)
        let records = BenchRecords(2000)
        // Another append to the same log must not bring the same identities.
        let salt = UInt64.random(in: 0...UInt64.max)
        let clock = ContinuousClock()
        var times: [Double] = []
        var slices: [Slice] = []
        var reference = try ReferenceWork(records, path: directory + ".reference")
        var referenceSeconds = try reference.run()
        for slice in 0..<sliceCount {
            let (started, cpuBefore) = (clock.now, LogBench.cpuSeconds())
            let numbers = groupCount * slice / sliceCount..<groupCount * (slice + 1) / sliceCount
            times += await withTaskGroup(of: [Double].self) { tasks in
                for task in 0..<taskCount {
                    tasks.addTask {
                        var times: [Double] = []
                        for number in stride(from: numbers.lowerBound + task, to: numbers.upperBound, by: taskCount) {
                            let group = group(number, records, salt)
                            let begun = clock.now
                            let receipt = await log.append(group)
                            precondition(receipt.failures.isEmpty, receipt.failures[0].message)
                            times.append((clock.now - begun) / .milliseconds(1))
                        }
                        return times
                    }
                }
                return await tasks.reduce(into: []) { $0 += $1 }
            }
            let seconds = (clock.now - started) / .seconds(1)
            let referenceBefore = referenceSeconds
            referenceSeconds = try reference.run()
            // What the log still does behind the last receipt is this slice's.
            let cpuSeconds = LogBench.cpuSeconds() - cpuBefore - referenceSeconds
            slices.append(
                Slice(
                    events: numbers.count * groupSize, seconds: seconds, cpuSeconds: cpuSeconds,
                    referenceSeconds: (referenceBefore + referenceSeconds) / 2))
        }
        let seconds = slices.reduce(0) { $0 + $1.seconds }
        log.close()
        times.sort()
        let events = groupCount * groupSize
        let lines = slices.map {
            "{\"events\":\($0.events),\"seconds\":\($0.seconds),\"cpu_s\":\($0.cpuSeconds),\"reference_s\":\($0.referenceSeconds)}"
        }
        print(
            """
            {"events":\(events),"seconds":\(seconds),"per_s":\(Int(Double(events) / seconds)),"p50_ms":\(times[times.count / 2]),\
            "p99_ms":\(times[(times.count - 1) * 99 / 100]),"cpu_s":\(slices.reduce(0) { $0 + $1.cpuSeconds }),\
            "slices":[\(lines.joined(separator: ","))]}
            """)
    }

    private func group(_ number: Int, _ records: BenchRecords, _ salt: UInt64) -> RecordGroup {
        var group = RecordGroupBuilder(timestamp: ServiceClock.wall(), bodyBytes: groupSize * 900, recordCount: groupSize)
        for place in 0..<groupSize {
            let sequence = number * groupSize + place
            let start = group.bodies.count
            group.bodies.append(copying: records[sequence])
            let high = BenchRecords.mixed(UInt64(sequence) &+ salt)
            _ = group.close(
                from: start, topic: TopicHandle(index: 0), partition: Int(high % UInt64(partitionCount)),
                identity: RecordIdentity(high: high, low: UInt32(truncatingIfNeeded: BenchRecords.mixed(high))))
        }
        return RecordGroup(group)
    }
}
