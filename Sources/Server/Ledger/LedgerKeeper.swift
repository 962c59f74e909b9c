internal import EventLog
internal import Ingestion
internal import LogStorage
internal import Logging
internal import RecordFormat
internal import Synchronization

/// Brings the ledger's figures up to the log when the service starts, and keeps them: each second, and at the end.
final class LedgerKeeper: Sendable {
    private struct State {
        var file: LedgerFile
        var keptVersion = -1
        var isFailing = false
    }

    private static let readBytes = 8 << 20

    let ledger: Ledger
    private let state: Mutex<State>
    private let logger: Logger

    /// Blocks. Where nothing usable is kept, or the log holds less than was counted, all of the log is counted.
    init(
        _ log: EmbeddedLog, folder: String, raw: TopicDefinition, rejected: TopicDefinition, keys: WriteKeyRing, events: [String],
        logger: Logger
    ) throws {
        self.logger = logger
        let file = try LedgerFile(PosixFileSystem(), path: "\(folder)/\(LedgerFile.fileName)")
        let partitions = [raw, rejected].flatMap { topic in
            (0..<topic.partitionCount).map { TopicPartition(topic.name, PartitionID($0)) }
        }
        let bounds = try partitions.map { try log.bounds(of: $0) }
        let found = file.texts.compactMap { LedgerCounts($0, partitionCount: partitions.count) }
        let fitting = found.first { counts in zip(counts.positions, bounds).allSatisfy { $0 <= $1.highWatermark.value } }
        if fitting == nil, bounds.contains(where: { $0.highWatermark.value > 0 }) {
            logger.notice("no figures of the ledger are kept that fit the log; all of the log is counted")
        }
        var kept = fitting ?? LedgerCounts(partitionCount: partitions.count)
        if let newest = found.first { kept.takeUnlogged(from: newest) }
        var recount = LedgerRecount(kept, rawPartitionCount: raw.partitionCount)
        for (number, partition) in partitions.enumerated() {
            var next = max(recount.counts.positions[number], bounds[number].start.value)
            do {
                while next < bounds[number].highWatermark.value {
                    let batches = try log.readNow(partition, from: Offset(next), maximumBytes: Self.readBytes)
                    try recount.add(batches, partition: number)
                    next = recount.counts.positions[number]
                }
            } catch {
                // It keeps no event from being taken.
                logger.warning(
                    "the ledger does not count these records, which cannot be read",
                    metadata: [
                        "partition": "\(partition)", "offsets": "\(next)..<\(bounds[number].highWatermark.value)",
                        "reason": "\(error)",
                    ])
            }
        }
        ledger = Ledger(recount.counts, keys: keys, events: events, rawPartitionCount: raw.partitionCount)
        state = Mutex(State(file: file))
        try keep()
    }

    /// Writes the figures where they have changed. Blocks.
    func keepOrTell() {
        do {
            try keep()
            state.withLock { $0.isFailing = false }
        } catch {
            let isNew = state.withLock { state in
                defer { state.isFailing = true }
                return !state.isFailing
            }
            if isNew {
                logger.warning(
                    "the ledger's figures cannot be kept; they are counted again from the log at the next start, but for duplicates and refusals",
                    metadata: ["reason": "\(error)"])
            }
        }
    }

    private func keep() throws {
        let (counts, version) = ledger.snapshot
        try state.withLock { state in
            guard state.keptVersion != version else { return }
            try state.file.write(counts.encoded())
            state.keptVersion = version
        }
    }

    func close() {
        keepOrTell()
        state.withLock { $0.file.close() }
    }
}
