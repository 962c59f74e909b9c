import ArgumentParser
internal import EventLog
internal import Foundation
internal import LogStorage

struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Checks every byte of the log against its checksums, offsets and indexes. Changes nothing.",
        discussion: "Exit code 0: all is as it was written. 1: what was found stands on standard output, a line each.")

    @OptionGroup var location: LogLocation

    func run() throws {
        try location.inspect { inspector, meta in
            let isInUse = try location.directory.holder() != nil
            let verifier = LogVerifier(location.directory, meta: meta, isInUse: isInUse)
            let total = try meta.partitions.reduce(0) { sum, item in
                try sum + inspector.segments(of: item.partition).reduce(0) { $0 + $1.byteCount }
            }
            var bar = ProgressBar(label: "verify", total: total, unit: "bytes")
            var findings = 0
            var holes = 0
            var (segments, batches, records, byteCount, journaled) = (0, 0, 0, 0, 0)
            for (topic, partition) in meta.partitions {
                let result = try verifier.verify(partition, keepsIdentities: topic.keepsIdentities) {
                    bar.advance(by: $0)
                }
                bar.finish()
                for finding in result.findings { print(finding) }
                for hole in result.holes {
                    print(
                        "note: \(partition) offsets \(hole.offsets.lowerBound) to \(hole.offsets.upperBound - 1) were lost: "
                            + hole.reason)
                }
                holes += result.holes.count
                findings += result.findings.count
                segments += result.segments
                batches += result.batches
                records += result.records
                byteCount += result.byteCount
                journaled += result.journaled
            }
            print(
                "\(findings == 0 ? "ok" : "\(findings) findings"): \(meta.partitions.count) partitions, \(segments) segments, "
                    + "\(batches) batches, \(records) records, \(byteCount) bytes"
                    + (holes > 0 ? ", \(holes) holes where records were lost" : "")
                    + (journaled > 0 && !isInUse
                        ? ", \(journaled) records more in the journal, which the next start puts there" : "")
                    + (isInUse ? " (the service is running: what it has not finished writing is left out)" : ""))
            if findings > 0 { throw ExitCode.failure }
        }
    }
}
