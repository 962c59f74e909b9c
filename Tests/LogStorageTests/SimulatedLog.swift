import EventLog
import LogStorage
import TestSupport

/// A log on files in memory, opened and stepped without a thread.
struct SimulatedLog {
    let fileSystem: SimulatedFileSystem
    var options = LogOptions()
    var partitionCount = 1
    let topic = TopicName("t")!

    init(seed: UInt64 = 1) { fileSystem = SimulatedFileSystem(seed: seed) }

    func open() throws -> LogCore {
        try LogCore.open(
            LogDirectory("/log", fileSystem: fileSystem),
            topics: [TopicDefinition(name: topic, partitionCount: partitionCount, keepsIdentities: true)],
            options: options, processID: 1, concurrently: { count, body in for number in 0..<count { body(number) } })
    }

    /// One commit to partition 0; the offsets that were acknowledged.
    @discardableResult
    func append(_ values: [String], to core: LogCore, timestamp: Int64 = 1000) -> [Int64] {
        let group = LogContents.group(
            values.map { (0, $0) }, timestamp: timestamp, hasher: core.identityHasher)
        return core.commit([group], now: timestamp) { count, body in for number in 0..<count { body(number) } }[0].offsets
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

    func repair() throws -> LogRepair.Result {
        let directory = LogDirectory("/log", fileSystem: fileSystem)
        return try LogRepair(directory, meta: try LogInspector(directory).meta(), isInUse: false)
            .repair(TopicPartition(topic, PartitionID(0)), keepsIdentities: true, onProgress: { _ in })
    }

    static let recoveryPoints = "/log/\(FileNames.recoveryPoints)"

    func segment(_ base: Int64, _ suffix: String = FileNames.logSuffix) -> String {
        "/log/t-0/\(FileNames.segment(base, suffix))"
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
