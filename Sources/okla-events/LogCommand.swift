import ArgumentParser
internal import EventLog
internal import Foundation
internal import LogStorage

struct LogCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log",
        abstract: "Looks into a log directory, whether the service runs or not.",
        subcommands: [TopicsCommand.self, DumpCommand.self, VerifyCommand.self])
}

/// The option that all of them take, and what follows from it.
struct LogLocation: ParsableArguments {
    @Option(help: ArgumentHelp("The service's data directory.", valueName: "dir"))
    var dataDir = "./data"

    var directory: LogDirectory { LogDirectory("\(dataDir)/log") }

    /// Runs `body` with the directory's meta data; errors end the command with code 1.
    func inspect(_ body: (LogInspector, LogMeta) throws -> Void) throws {
        do {
            let inspector = LogInspector(directory)
            try body(inspector, try inspector.meta())
        } catch let error as LogError {
            throw Failure.report(error.message)
        }
    }
}

extension LogMeta {
    var partitions: [(topic: TopicDefinition, partition: TopicPartition)] {
        topics.flatMap { topic in
            (0..<topic.partitionCount).map { (topic, TopicPartition(topic.name, PartitionID($0))) }
        }
    }
}

struct TopicsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "topics", abstract: "Lists topics, partitions, sizes and offsets.",
        discussion: "END is the offset behind the last whole batch on disk.")

    @OptionGroup var location: LogLocation

    func run() throws {
        try location.inspect { inspector, meta in
            let names = meta.partitions.map(\.partition.topic.text.count).max() ?? 5
            func row(_ cells: [String]) {
                let first = cells[0].padding(toLength: max(names, 5), withPad: " ", startingAt: 0)
                print(first + cells.dropFirst().map { String(repeating: " ", count: max(1, 14 - $0.count)) + $0 }.joined())
            }
            row(["TOPIC", "PARTITION", "SEGMENTS", "BYTES", "START", "END", "RECORDS"])
            for (_, partition) in meta.partitions {
                let summary = try inspector.summary(of: partition)
                row([
                    partition.topic.text, "\(partition.partition)", "\(summary.segments)", "\(summary.byteCount)",
                    "\(summary.startOffset)", "\(summary.endOffset)", "\(summary.endOffset - summary.startOffset)",
                ])
            }
        }
    }
}

struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Checks every byte of the log against its checksums, offsets and indexes. Changes nothing.",
        discussion: "Exit code 0: all is as it was written. 1: what was found stands on standard output, a line each.")

    @OptionGroup var location: LogLocation

    func run() throws {
        try location.inspect { inspector, meta in
            let isInUse = try isInUse()
            let verifier = LogVerifier(location.directory, meta: meta, isInUse: isInUse)
            let total = try meta.partitions.reduce(0) { sum, item in
                try sum + inspector.segments(of: item.partition).reduce(0) { $0 + $1.byteCount }
            }
            var bar = ProgressBar(label: "verify", total: total, unit: "bytes")
            var findings = 0
            var (segments, batches, records, byteCount) = (0, 0, 0, 0)
            for (topic, partition) in meta.partitions {
                let result = try verifier.verify(partition, keepsIdentities: topic.keepsIdentities) {
                    bar.advance(by: $0)
                }
                bar.finish()
                for finding in result.findings { print(finding) }
                findings += result.findings.count
                segments += result.segments
                batches += result.batches
                records += result.records
                byteCount += result.byteCount
            }
            print(
                "\(findings == 0 ? "ok" : "\(findings) findings"): \(meta.partitions.count) partitions, \(segments) segments, "
                    + "\(batches) batches, \(records) records, \(byteCount) bytes"
                    + (isInUse ? " (the service is running: what it has not finished writing is left out)" : ""))
            if findings > 0 { throw ExitCode.failure }
        }
    }

    /// Whether a service has the directory open.
    private func isInUse() throws -> Bool {
        do {
            try location.directory.lock(processID: ProcessInfo.processInfo.processIdentifier).release()
            return false
        } catch let error where error.code == .locked {
            return true
        } catch {
            // A directory that cannot be locked (read-only, a copy) is not in use by anyone who could write.
            return false
        }
    }
}
