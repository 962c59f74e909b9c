import ArgumentParser
internal import EventLog
internal import Foundation
internal import LogStorage

struct TopicsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "topics", abstract: "Lists topics, partitions, sizes, offsets and states.",
        discussion: """
            END is the offset behind the last whole batch on disk. STATE is what the running service says of the partition, and "-"
            where none runs; what is not open, or has lost records, follows below with its reason and what to do. KEPT counts the
            files with bytes that recovery or repair has set aside.
            """)

    @OptionGroup var location: LogLocation

    func run() throws {
        try location.inspect { inspector, meta in
            let holder = try location.holder()
            let troubles = (holder?.troubles ?? []).map { $0.split(separator: " ", maxSplits: 1).map(String.init) }
            var notes: [String] = []
            let names = meta.partitions.map(\.partition.topic.text.count).max() ?? 5
            func row(_ cells: [String]) {
                let first = cells[0].padding(toLength: max(names, 5), withPad: " ", startingAt: 0)
                print(first + cells.dropFirst().map { String(repeating: " ", count: max(1, 14 - $0.count)) + $0 }.joined())
            }
            row(["TOPIC", "PARTITION", "SEGMENTS", "BYTES", "START", "END", "RECORDS", "KEPT", "STATE"])
            for (_, partition) in meta.partitions {
                let summary = try inspector.summary(of: partition)
                row([
                    partition.topic.text, "\(partition.partition)", "\(summary.segments)", "\(summary.byteCount)",
                    "\(summary.startOffset)", "\(summary.endOffset)", "\(summary.endOffset - summary.startOffset)",
                    "\(summary.keptAside.count)", holder == nil ? "-" : state(of: partition, troubles),
                ])
                notes += summary.keptAside.map { "\(partition): set aside earlier: \($0)" }
            }
            for trouble in troubles { print(trouble.joined(separator: ": ")) }
            for note in notes { print(note) }
        }
    }

    /// The word that the trouble's line begins with.
    private func state(of partition: TopicPartition, _ troubles: [[String]]) -> String {
        guard let trouble = troubles.first(where: { $0.first == partition.description }), trouble.count == 2 else {
            return "open"
        }
        return String(trouble[1].prefix { $0 != ":" })
    }
}
