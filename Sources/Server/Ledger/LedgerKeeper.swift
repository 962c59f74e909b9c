internal import EventLog
internal import Ingestion
internal import LogStorage
internal import Logging
internal import RecordFormat
internal import Synchronization

/// Brings the ledger's figures up to the log when the service starts, and keeps them: each second, and at the end. Nothing that goes
/// wrong here keeps an event from being taken.
///
/// Records that cannot be read at the start, such as those in a journal whose segments have no room, are counted once they can be.
/// Until then nothing is kept: what was kept before is followed by all of them.
final class LedgerKeeper: Sendable {
    private struct State {
        var file: LedgerFile?
        var gaps: [Gap]
        var keptVersion = -1
        var isFailing = false
    }

    /// Records that are not counted yet.
    private struct Gap {
        let number: Int
        let partition: TopicPartition
        var next: Int64
        let end: Int64
    }

    private static let readBytes = 8 << 20

    let ledger: Ledger
    private let log: EmbeddedLog
    private let path: String
    private let rawPartitionCount: Int
    private let state: Mutex<State>
    private let logger: Logger

    /// Blocks. Where nothing usable is kept, or the log holds less than was counted, all of the log is counted.
    init(
        _ log: EmbeddedLog, folder: String, raw: TopicDefinition, rejected: TopicDefinition, keys: WriteKeyRing, events: [String],
        logger: Logger
    ) throws(LogError) {
        self.log = log
        self.logger = logger
        path = "\(folder)/\(LedgerFile.fileName)"
        rawPartitionCount = raw.partitionCount
        let partitions = [raw, rejected].flatMap { topic in
            (0..<topic.partitionCount).map { TopicPartition(topic.name, PartitionID($0)) }
        }
        var bounds: [OffsetBounds] = []
        for partition in partitions { bounds.append(try log.bounds(of: partition)) }
        // Where it cannot be opened, `keepOrTell` says so.
        let file = try? LedgerFile(PosixFileSystem(), path: path)
        let found = (file?.texts ?? []).compactMap { LedgerCounts($0, partitionCount: partitions.count) }
        let fitting = found.first { counts in zip(counts.positions, bounds).allSatisfy { $0 <= $1.highWatermark.value } }
        if fitting == nil, bounds.contains(where: { $0.highWatermark.value > 0 }) {
            logger.notice("no figures of the ledger are kept that fit the log; all of the log is counted")
        }
        var kept = fitting ?? LedgerCounts(partitionCount: partitions.count)
        if let newest = found.first { kept.takeUnlogged(from: newest) }
        let gaps = partitions.indices.map { number in
            Gap(
                number: number, partition: partitions[number], next: max(kept.positions[number], bounds[number].start.value),
                end: bounds[number].highWatermark.value)
        }
        ledger = Ledger(kept, keys: keys, events: events, rawPartitionCount: raw.partitionCount)
        state = Mutex(State(file: file, gaps: gaps))
        keepOrTell()
    }

    /// Counts what is not counted yet, and writes the figures where they have changed. Blocks.
    func keepOrTell() {
        do {
            try state.withLock { state in
                try fill(&state)
                try keep(&state)
                state.isFailing = false
            }
        } catch {
            let isNew = state.withLock { state in
                defer { state.isFailing = true }
                return !state.isFailing
            }
            if isNew {
                logger.warning(
                    "the ledger's figures cannot be kept at the moment; a crash would forget what was duplicate, limited or unavailable",
                    metadata: ["reason": "\(error)"])
            }
        }
    }

    private func fill(_ state: inout State) throws {
        var failure: (any Error)?
        for number in state.gaps.indices {
            do throws(LogError) { try fill(&state.gaps[number]) } catch { failure = failure ?? error }
        }
        state.gaps.removeAll { $0.next >= $0.end }
        if let failure { throw failure }
    }

    private func fill(_ gap: inout Gap) throws(LogError) {
        while gap.next < gap.end {
            let batches = try log.readNow(gap.partition, from: Offset(gap.next), maximumBytes: Self.readBytes)
            var recount = LedgerRecount(partition: gap.number, rawPartitionCount: rawPartitionCount)
            do throws(RecordFormatError) {
                gap.next = try recount.add(batches, gap.next..<gap.end)
            } catch {
                logger.error(
                    "records of the log are not counted, for they cannot be decoded",
                    metadata: ["partition": "\(gap.partition)", "offsets": "\(gap.next)..<\(gap.end)", "reason": "\(error)"])
                gap.next = gap.end
            }
            ledger.add(recount.counts, countedTo: gap.next, of: gap.number)
        }
    }

    private func keep(_ state: inout State) throws {
        let (counts, version) = ledger.snapshot
        guard state.keptVersion != version else { return }
        if state.file == nil { state.file = try LedgerFile(PosixFileSystem(), path: path) }
        try state.file?.write(counts.encoded())
        state.keptVersion = version
    }

    func close() {
        keepOrTell()
        state.withLock { $0.file?.close() }
    }
}
