import Dispatch
import EventLog
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
        try run(0..<warmUp, pipeline)
        let before = CPUTime.process()
        try run(warmUp..<bodies.all.count, pipeline)
        log.close()
        return CPUTime.process() - before
    }

    /// Returns when all are acknowledged.
    private func run(_ numbers: Range<Int>, _ pipeline: IngestPipeline) throws {
        let free = DispatchSemaphore(value: Self.requestsAtOnce)
        for number in numbers {
            let prepared = try pipeline.prepare(parts.request(number), body: bodies.all[number])
            free.wait()
            pipeline.commit(prepared, on: CallingThread()) { result in
                precondition((try? result.get())?.duplicates == 0, "each event is stored once")
                free.signal()
            }
        }
        for _ in 0..<Self.requestsAtOnce { free.wait() }
        for _ in 0..<Self.requestsAtOnce { free.signal() }
    }
}
