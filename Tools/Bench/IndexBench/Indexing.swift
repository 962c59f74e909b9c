import Consumption
import EventLog
import Foundation
import LogStorage
import RecordFormat
import Synchronization

/// Runs a consumer over the whole log, and notes what that costs as it comes along.
struct Indexing {
    let log: EmbeddedLog
    let topic: TopicDefinition
    let eventCount: Int

    struct Result {
        /// After so many events: processor time and time, in seconds.
        let samples: [(events: Int, cpu: Double, wall: Double)]

        var eventsPerSecond: Double { Double(samples.last!.events) / samples.last!.wall }

        /// Of one event, in microseconds.
        func cost(of events: Range<Int>) -> (cpu: Double, wall: Double) {
            let (first, last) = (at(events.lowerBound), at(events.upperBound))
            return ((last.cpu - first.cpu) / Double(events.count) * 1e6, (last.wall - first.wall) / Double(events.count) * 1e6)
        }

        /// Between two samples by proportion.
        private func at(_ events: Int) -> (cpu: Double, wall: Double) {
            let next = samples.firstIndex { $0.events >= events } ?? samples.count - 1
            let (a, b) = (samples[max(0, next - 1)], samples[next])
            let part = b.events == a.events ? 0 : Double(events - a.events) / Double(b.events - a.events)
            return (a.cpu + (b.cpu - a.cpu) * part, a.wall + (b.wall - a.wall) * part)
        }
    }

    func run(_ consumer: any Consumer) async throws -> Result {
        let runner = ConsumerRunner(consumer, topic: topic, feed: LogFeed(log))
        let (started, cpuBefore) = (ContinuousClock.now, IndexBench.cpuSeconds())
        var samples: [(events: Int, cpu: Double, wall: Double)] = [(0, 0, 0)]
        let running = Task { await runner.run() }
        while true {
            let taken = Int(runner.status.takenCount)
            samples.append((taken, IndexBench.cpuSeconds() - cpuBefore, (ContinuousClock.now - started) / .seconds(1)))
            if case .retrying(let reason) = runner.status.activity { throw Failure(reason: reason) }
            if taken >= eventCount, runner.status.activity == .following { break }
            try await Task.sleep(for: .milliseconds(20))
        }
        running.cancel()
        await running.value
        return Result(samples: samples)
    }

    struct Failure: Error {
        let reason: String
    }
}

/// Looks at every record and keeps nothing: what reading alone costs.
final class Looking: Consumer {
    let group = "looking"
    private let state: Mutex<[Int64]>
    private let keyBytes = Atomic<Int>(0)

    init(partitionCount: Int) { state = Mutex(Array(repeating: 0, count: partitionCount)) }

    var committed: [Int64] { state.withLock { $0 } }
    var passedOver: PassedOver { PassedOver() }

    func resume(_ bounds: [OffsetBounds]) async throws -> [Int64] { committed }

    func take(_ delivery: Delivery) async throws {
        var count = 0
        delivery.forEachRecord { _, record in count += record.key?.count ?? 0 }
        keyBytes.add(count, ordering: .relaxed)
        state.withLock { state in for (partition, position) in delivery.positions { state[partition.number] = position } }
    }

    func caughtUp(_ bounds: [OffsetBounds]) async throws {}
}
