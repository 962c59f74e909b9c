internal import EventLog

extension PartitionLog {
    /// What stands in the place of a partition whose topic was deleted: it holds nothing and takes nothing.
    static func gone(_ partition: TopicPartition, options: LogOptions, growth: LogGrowth) -> PartitionLog {
        let segment = Segment(
            baseOffset: 0, directory: "", log: NoFile(), rules: BatchRules(nil), readableBytes: 0, nextOffset: 0,
            indexes: SegmentIndexes(), firstTimestamp: nil)
        return PartitionLog(
            topicPartition: partition, directory: "", fileSystem: PosixFileSystem(), options: options, hasher: nil,
            wholeBatches: nil,
            recovered: RecoveredPartition(
                segments: [segment], state: .gone, lastTimestamp: Int64.min, report: RecoveryReport(),
                activeCaches: SegmentCaches(segment: segment, hasher: nil)),
            growth: growth, onDamage: { _ in })
    }
}

/// A file that is not there any more.
private final class NoFile: File {
    let path = "a file of a topic that was deleted"

    func size() throws(FileError) -> Int { 0 }
    func read(into target: UnsafeMutableRawBufferPointer, at position: Int) throws(FileError) -> Int { 0 }
    func write(_ bytes: UnsafeRawBufferPointer, at position: Int) throws(FileError) -> Int { throw missing("write") }
    func sync() throws(FileError) { throw missing("sync") }
    func truncate(to byteCount: Int) throws(FileError) { throw missing("truncate") }
    func close() {}

    private func missing(_ operation: String) -> FileError {
        FileError(operation: operation, path: path, number: 0, reason: "its topic was deleted")
    }
}
