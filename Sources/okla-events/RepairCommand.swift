import ArgumentParser
internal import EventLog
internal import Foundation
internal import LogStorage
internal import Synchronization

struct RepairCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "repair",
        abstract: "Sets damage aside, so that every reader steps over it.",
        discussion: """
            Checks every byte as verify does. Damaged bytes are copied into a file beside the segment
            (<base offset>.damaged-<position>), then a marker takes their place and the offsets of the lost records; a batch of
            which only the head had changed is mended and loses nothing. All other records stay at their offsets.
            While the service runs, the segments that it still writes to are left out.
            Exit code 0: the log is in order now. 1: something had to stay; it stands on standard output.
            """)

    @OptionGroup var location: LogLocation

    func run() throws {
        try location.inspect { inspector, meta in
            try putBackWhatTheJournalHas(meta)
            var lock: (any FileLock)?
            switch try location.directory.access(processID: ProcessInfo.processInfo.processIdentifier) {
            case .acquired(let acquired): lock = acquired
            case .inUse(let holder):
                standardError(
                    "the service runs (process \(holder.processID)): the segments that it writes to are left out; stop it to repair "
                        + "these too\n")
            }
            defer { lock?.release() }
            let repair = try LogRepair(location.directory, meta: meta, isInUse: lock == nil)
            let total = try meta.partitions.reduce(0) { sum, item in
                try sum + inspector.segments(of: item.partition).reduce(0) { $0 + $1.byteCount }
            }
            let bar = Mutex(ProgressBar(label: "repair", total: total, unit: "bytes"))
            var (setAside, lost, left, byteCount) = (0, Int64(0), 0, 0)
            for (topic, partition) in meta.partitions {
                let result = try repair.repair(partition, of: topic) { count in
                    bar.withLock { $0.advance(by: count) }
                }
                bar.withLock { $0.finish() }
                report(result, partition)
                setAside += result.setAside.count
                lost += result.setAside.reduce(0) { $0 + Int64($1.region.lostOffsets.count) }
                left += result.left.count
                byteCount += result.byteCount
            }
            print(
                "\(left == 0 ? "ok" : "\(left) places stay damaged"): \(byteCount) bytes checked, \(setAside) places repaired, "
                    + "\(lost) records lost")
            if left > 0 { throw ExitCode.failure }
        }
    }

    /// What the segments lack and the journal has is not lost. Where the service runs, or has ended cleanly, there is nothing to do.
    private func putBackWhatTheJournalHas(_ meta: LogMeta) throws {
        guard try location.directory.holder() == nil, try location.directory.hasJournal() else { return }
        standardError("the log was not closed: recovering it first\n")
        let log = try EmbeddedLog.open(
            location.directory, topics: meta.topics, options: LogOptions(), onWarning: { standardError("\($0)\n") })
        log.close()
        if try location.directory.hasJournal() {
            throw Failure.report(
                "the log could not be recovered, and the journal holds records that repair would give up: mend the disk and try again"
            )
        }
    }

    private func report(_ result: LogRepair.Result, _ partition: TopicPartition) {
        for item in result.setAside {
            print(
                "\(partition) segment \(item.segmentBase): \(item.region.description)"
                    + (item.keptAt.map { "; its bytes are in \($0)" } ?? "; its bytes were zeros, or gone"))
        }
        for item in result.left {
            print("\(partition) segment \(item.segmentBase): stays: \(item.region.description)")
        }
        if result.cutBytes > 0 {
            print(
                "\(partition): \(result.cutBytes) bytes behind the last whole batch were cut off"
                    + (result.keptAt.map { " and are in \($0)" } ?? "; all were zero"))
        }
    }
}
