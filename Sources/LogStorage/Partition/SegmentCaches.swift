package import EventLog

/// Which part of a segment's caches is on disk already. The commit loop's own.
struct SegmentCaches {
    let segment: Segment
    var identities: IdentityCollector
    /// Set when the segment takes no more writes: the offset behind its last record.
    var sealedEnd: Int64?
    /// The files could not be written: nothing more is collected, a restart makes them from the log.
    private(set) var isGivenUp = false
    private var offsetEntriesOnDisk = 0
    private var timeEntriesOnDisk = 0

    init(segment: Segment, hasher: RecordIdentityHasher?) {
        self.segment = segment
        self.identities = IdentityCollector(
            segmentBase: segment.baseOffset, hasher: hasher, coveredEnd: segment.baseOffset, writtenBytes: 0)
    }

    init(segment: Segment, identities: IdentityCollector, indexesOnDisk: SegmentIndexes) {
        self.segment = segment
        self.identities = identities
        self.offsetEntriesOnDisk = indexesOnDisk.offsets.entries.count
        self.timeEntriesOnDisk = indexesOnDisk.times.entries.count
    }

    mutating func giveUp() {
        isGivenUp = true
        identities = IdentityCollector(
            segmentBase: segment.baseOffset, hasher: nil, coveredEnd: segment.baseOffset, writtenBytes: 0)
    }

    /// The bytes that bring the files up to what is published.
    mutating func takeWrites() -> [CacheWrite] {
        var writes: [CacheWrite] = []
        if isGivenUp { return writes }
        if let indexes = segment.loadedIndexes {
            let (offsets, times) = (indexes.offsets, indexes.times)
            if offsets.entries.count > offsetEntriesOnDisk || sealedEnd != nil {
                writes.append(
                    write(
                        FileNames.indexSuffix, at: offsetEntriesOnDisk * OffsetIndex.entryBytes,
                        offsets.encoded(from: offsetEntriesOnDisk)))
                offsetEntriesOnDisk = offsets.entries.count
            }
            if times.entries.count > timeEntriesOnDisk || sealedEnd != nil {
                writes.append(
                    write(
                        FileNames.timeIndexSuffix, at: timeEntriesOnDisk * TimeIndex.entryBytes,
                        times.encoded(from: timeEntriesOnDisk)))
                timeEntriesOnDisk = times.entries.count
            }
        }
        if let piece = identities.takeBlocks(upTo: sealedEnd ?? segment.nextOffset, sealed: sealedEnd != nil) {
            writes.append(CacheWrite(path: segment.path(FileNames.identitiesSuffix), piece: piece))
        }
        return writes
    }

    private func write(_ suffix: String, at position: Int, _ bytes: [UInt8]) -> CacheWrite {
        CacheWrite(path: segment.path(suffix), piece: .init(position: position, bytes: bytes))
    }
}

/// What the maintenance thread does so that a partition's recovery point may move to `recoveryPoint`.
package struct CheckpointWork: Sendable {
    package let topicPartition: TopicPartition
    package let recoveryPoint: Int64
    let log: any File
    let syncsLog: Bool
    /// False: the caches cannot be written, so the point stays. The log is synced all the same.
    let movesPoint: Bool
    let writes: [CacheWrite]
    let snapshot: ProducerSnapshotWrite?

    /// A failure here costs the next start a scan, no more.
    func writeCaches(_ fileSystem: any FileSystem) throws(FileError) {
        for write in writes { try write.perform(fileSystem) }
        try snapshot?.perform(fileSystem)
    }
}
