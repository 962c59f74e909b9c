import EventLog
import Ingestion

/// The whole pipeline, with a log that only says it has the records.
struct Whole {
    private enum Stage: Int, CaseIterable { case all }

    private var laps = Laps<Stage>()
    private let parts: Parts
    private let bodies: Bodies
    private let pipeline: IngestPipeline

    init(_ parts: Parts, _ bodies: Bodies) {
        self.parts = parts
        self.bodies = bodies
        pipeline = parts.pipeline(AgreeingLog(), RecordIdentityHasher(key: SipHash128.Key(k0: 1, k1: 2)))
    }

    var nanoseconds: Double { laps[.all] }
    mutating func forget() { laps.forget() }

    /// - Returns: the records' bytes.
    mutating func run(_ number: Int) throws -> Int {
        let request = parts.request(number)
        laps.begin()
        let prepared = try pipeline.prepare(request, body: bodies.all[number])
        pipeline.commit(prepared, on: CallingThread()) { precondition((try? $0.get())?.duplicates == 0) }
        laps.end(.all)
        return prepared.byteCount
    }

    /// All of them.
    func prepareAll() throws {
        for number in bodies.all.indices { _ = try pipeline.prepare(parts.request(number), body: bodies.all[number]) }
    }
}

/// Has the two topics. Nothing is kept.
private struct AgreeingLog: LogWriter {
    func topic(named name: TopicName) -> (handle: TopicHandle, partitionCount: Int)? {
        name == Parts.raw ? (TopicHandle(index: 0), Parts.partitionCount) : (TopicHandle(index: 1), 1)
    }

    func append(_ group: RecordGroup, onReceipt: @escaping @Sendable (AppendReceipt) -> Void) {
        onReceipt(AppendReceipt(offsets: [Int64](repeating: 0, count: group.entries.count)))
    }
}
