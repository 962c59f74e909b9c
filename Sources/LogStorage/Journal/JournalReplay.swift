internal import EventLog
internal import RecordFormat

/// Puts what the journal holds and the segments lack back where it belongs.
struct JournalReplay {
    let files: JournalFiles
    let logs: [PartitionLog]
    private let partitions: [TopicPartition: PartitionLog]

    init(files: JournalFiles, logs: [PartitionLog]) {
        self.files = files
        self.logs = logs
        partitions = Dictionary(uniqueKeysWithValues: logs.map { ($0.topicPartition, $0) })
    }

    struct Result {
        var recordCount = 0
        /// False: some partition could not take what belongs to it, so the journal's files must stay.
        var isComplete = true
    }

    private static let writeBytes = 4 << 20
    /// Of a partition whose segment has no room.
    private static let pendingBytesMax = 64 << 20

    func run() throws(FileError) -> Result {
        var result = Result()
        var staged = 0
        for entry in files.entries {
            var known: (partition: TopicPartition, log: PartitionLog)?
            try files.forEachRecord(of: entry) { partition, head, body in
                if known?.partition != partition { known = partitions[partition].map { (partition, $0) } }
                guard let log = known?.log else { return }
                if head.offset < log.nextOffset { return }
                guard log.state.isWritable else { return }
                if head.offset > log.nextOffset {
                    log.stageHole(to: head.offset, reason: "the journal's entry with these records is damaged")
                }
                staged += body.count
                if head.isWholeBatch {
                    guard let batch = WholeBatch(head, body, wholeBatches: log.wholeBatches, hasher: log.hasher) else { return }
                    log.stage(batch)
                    result.recordCount += Int(batch.entry.header.recordCount)
                    return
                }
                let identity = log.hasher.flatMap { hasher in
                    RecordView(ofBody: body, offset: head.offset, timestamp: head.timestamp).flatMap {
                        hasher.stored($0)?.identity
                    }
                }
                _ = log.stage(body: body, timestamp: head.timestamp, identity: identity)
                result.recordCount += 1
            }
            if staged > Self.writeBytes {
                write(&result)
                staged = 0
            }
        }
        write(&result)
        // Of a partition that takes no writes, not even what its segments seem to have is known to be durable.
        result.isComplete = files.offsets.keys.allSatisfy { partitions[$0]?.state.isWritable ?? true }
        return result
    }

    private func write(_ result: inout Result) {
        for log in logs where log.hasPending {
            var failure: FileError?
            do throws(FileError) { try log.write() } catch { failure = error }
            log.publish(now: 0)
            // Where there is no room, it stays pending, and the files stay.
            if let failure, !failure.isNoRoom || log.hasFailedSync || log.pendingBytes > Self.pendingBytesMax {
                log.poison(failure)
            }
        }
    }
}

extension WholeBatch {
    /// One that the journal has; nil where the bytes are none.
    init?(
        _ head: JournalFormat.RecordHead, _ body: UnsafeRawBufferPointer, wholeBatches: TopicDefinition.Timestamps?,
        hasher: RecordIdentityHasher?
    ) {
        guard let header = try? RecordBatchHeader(reading: body), header.totalBytes == body.count else { return nil }
        var bytes = GrowableBytes(capacity: body.count)
        bytes.append(copying: body)
        var identities: [RecordIdentity?] = []
        if let hasher {
            var reader = RecordBatchReader()
            try? reader.forEachRecord(in: body, header: header) { identities.append(hasher.stored($0)?.identity) }
        }
        let entry = BatchGroup.Entry(
            topic: TopicHandle(index: 0), partition: 0, start: 0, header: header, identities: identities)
        self.init(
            group: BatchGroup(bytes, entries: [entry], timestamp: head.timestamp), entry: entry,
            appendTime: wholeBatches == .created ? nil : head.timestamp)
    }
}
