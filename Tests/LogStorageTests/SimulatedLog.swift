import EventLog
import LogStorage
import RecordFormat
import TestSupport

/// A log on files in memory, opened and stepped without a thread.
struct SimulatedLog {
    let fileSystem: SimulatedFileSystem
    var options = LogOptions()
    var partitionCount = 1
    let topic = TopicName("t")!

    /// - Parameter lingers: whether records wait for others before they are written to their segment; otherwise each append writes them.
    init(seed: UInt64 = 1, lingers: Bool = false) {
        fileSystem = SimulatedFileSystem(seed: seed)
        if !lingers { options.lingerMilliseconds = 0 }
    }

    var definition: TopicDefinition {
        TopicDefinition(name: topic, partitionCount: partitionCount, keepsIdentities: true)
    }

    func open() throws -> LogCore {
        try LogCore.open(
            LogDirectory("/log", fileSystem: fileSystem),
            topics: [definition],
            options: options, processID: 1, concurrently: { count, body in for number in 0..<count { body(number) } })
    }

    /// One commit to partition 0; the offsets that were acknowledged.
    @discardableResult
    func append(_ values: [String], to core: LogCore, timestamp: Int64 = 1000) -> [Int64] {
        let group = LogContents.group(
            values.map { (0, $0) }, timestamp: timestamp, hasher: core.identityHasher)
        return commit(group, to: core).offsets
    }

    /// What the commit loop does with one group.
    func commit(_ group: RecordGroup, to core: LogCore, now: Int64 = 1000) -> AppendReceipt {
        defer { core.flush(now: now) }
        return core.commit([group], now: now)[0]
    }

    func contents(_ core: LogCore) throws -> (records: [LogContents.Record], holes: [Range<Int64>]) {
        let found = try LogContents.read(core.partitions[0], maximumBytes: 1 << 20)
        return (found.records, found.holes)
    }

    func verify(isInUse: Bool = false) throws -> LogVerifier.Result {
        let directory = LogDirectory("/log", fileSystem: fileSystem)
        return try LogVerifier(directory, meta: try LogInspector(directory).meta(), isInUse: isInUse)
            .verify(TopicPartition(topic, PartitionID(0)), keepsIdentities: true, onProgress: { _ in })
    }

    /// The values as `log dump` shows them.
    func dump() throws -> [String] {
        var values: [String] = []
        try LogInspector(LogDirectory("/log", fileSystem: fileSystem)).forEachRecord(
            of: TopicPartition(topic, PartitionID(0)), from: 0, to: .max,
            onHole: { offsets, _ in values.append("hole \(offsets)") }
        ) { values.append($0.value.map { String(decoding: $0, as: UTF8.self) } ?? "nil") }
        return values
    }

    func repair() throws -> LogRepair.Result {
        let directory = LogDirectory("/log", fileSystem: fileSystem)
        return try LogRepair(directory, meta: try LogInspector(directory).meta(), isInUse: false)
            .repair(TopicPartition(topic, PartitionID(0)), of: definition, onProgress: { _ in })
    }

    /// From here on, the segments alone tell what the log holds.
    func loseJournal() {
        for path in fileSystem.paths where path.hasPrefix("/log/journal/") { fileSystem.delete(path) }
    }

    static let recoveryPoints = "/log/\(FileNames.recoveryPoints)"

    func segment(_ base: Int64, _ suffix: String = FileNames.logSuffix) -> String {
        "/log/t-0/\(FileNames.segment(base, suffix))"
    }

    /// Closed segments of 100,000 bytes, with several index entries and more than a block of identities each, and a last one of at least
    /// so many; the segments' base offsets. The log is closed.
    static func ofSegments(_ count: Int, lastBytes: Int) throws -> (log: SimulatedLog, bases: [Int64]) {
        var log = SimulatedLog()
        log.options.segmentBytes = 100_000
        var random = SeededGenerator(seed: 31)
        let core = try log.open()
        var number = 0
        while core.partitions[0].segments.count < count || core.partitions[0].segments[count - 1].readableBytes < lastBytes {
            log.append((0..<20).map { "\(number + $0)-" + random.text(40) }, to: core, timestamp: 5000 + Int64(number))
            number += 20
        }
        defer { core.close() }
        return (log, core.partitions[0].segments.map(\.baseOffset))
    }

    /// Every file with its bytes, to be put back later.
    func files() -> [String: [UInt8]] {
        Dictionary(uniqueKeysWithValues: fileSystem.paths.map { ($0, fileSystem.bytes($0) ?? []) })
    }

    func restore(_ files: [String: [UInt8]]) {
        fileSystem.restart(after: .kill)
        for path in fileSystem.paths where files[path] == nil { fileSystem.delete(path) }
        for (path, bytes) in files { fileSystem.put(bytes, at: path) }
    }
}
