import EventLog
import Foundation
import Ingestion
import LogStorage

/// The whole pipeline and a log on the disk that acknowledges after write(2), with as many requests on their way at once as the
/// benchmark's connections have.
struct Everything {
    private static let requestsAtOnce = 8

    private let parts: Parts
    private let bodies: Bodies
    private let directory: String

    init(_ parts: Parts, _ bodies: Bodies, directory: String) {
        self.parts = parts
        self.bodies = bodies
        self.directory = directory
    }

    /// - Returns: processor time of all threads in nanoseconds, what the log has put off until it is closed included; without the first
    ///   `warmUp` requests.
    func run(warmUp: Int) throws -> Double {
        var options = LogOptions()
        options.durability = .os
        let log = try EmbeddedLog.open(
            LogDirectory(directory),
            topics: [
                TopicDefinition(name: Parts.raw, partitionCount: Parts.partitionCount, keepsIdentities: true),
                TopicDefinition(name: Parts.rejected, partitionCount: 1, keepsIdentities: false),
            ], options: options)
        let pipeline = parts.pipeline(log, log.identityHasher)
        run(0..<warmUp, pipeline)
        let before = CPUTime.process()
        run(warmUp..<bodies.all.count, pipeline)
        log.close()
        return CPUTime.process() - before
    }

    /// Prepares on a thread for each core, as the service's event loops do, so that the log's thread has to share them. Returns when
    /// all are acknowledged.
    private func run(_ numbers: Range<Int>, _ pipeline: IngestPipeline) {
        let threads = min(ProcessInfo.processInfo.activeProcessorCount, Self.requestsAtOnce)
        DispatchQueue.concurrentPerform(iterations: threads) { thread in
            let share = Self.requestsAtOnce / threads
            let free = DispatchSemaphore(value: share)
            for number in stride(from: numbers.lowerBound + thread, to: numbers.upperBound, by: threads) {
                free.wait()
                guard let prepared = try? pipeline.prepare(parts.request(number), body: bodies.all[number]) else {
                    preconditionFailure("the benchmark's requests are good")
                }
                pipeline.commit(prepared, on: CallingThread()) { result in
                    precondition((try? result.get())?.duplicates == 0, "each event is stored once")
                    free.signal()
                }
            }
            for _ in 0..<share { free.wait() }
            for _ in 0..<share { free.signal() }
        }
    }
}
