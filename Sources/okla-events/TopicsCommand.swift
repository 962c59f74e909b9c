import ArgumentParser
internal import EventLog
internal import Foundation
internal import LogStorage

struct TopicsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "topics", abstract: "Lists topics, partitions, sizes, offsets and states.",
        discussion: """
            END is the offset behind the last record on disk, RECORDS the offsets from START to there, those of the journal included. STATE is what the running service says of the partition, "-"
            where none runs, "?" where it has too much to say; what is not open, or has lost records, follows below with its reason and what to do. KEPT counts the
            files with bytes that recovery or repair has set aside.
            """)

    @OptionGroup var location: LogLocation

    func run() throws {
        try location.inspect { inspector, meta in
            let holder = try location.directory.holder()
            let troubles = (holder?.troubles ?? []).map { $0.split(separator: " ", maxSplits: 1).map(String.init) }
            var notes: [String] = []
            var table = TextTable(["TOPIC", "PARTITION", "SEGMENTS", "BYTES", "START", "END", "RECORDS", "KEPT", "STATE"])
            let journal = try inspector.journalEnds()
            for (_, partition) in meta.partitions {
                let summary = try inspector.summary(of: partition, journal)
                table.add([
                    partition.topic.text, "\(partition.partition)", "\(summary.segments)", "\(summary.byteCount)",
                    "\(summary.startOffset)", "\(summary.endOffset)", "\(summary.endOffset - summary.startOffset)",
                    "\(summary.keptAside.count)", state(of: partition, troubles, holder),
                ])
                notes += summary.keptAside.map { "\(partition): set aside earlier: \($0)" }
            }
            print(table.text)
            for trouble in troubles { print(trouble.joined(separator: ": ")) }
            if holder?.isIncomplete == true { print("and more than there is room to tell here: /health/ready has all") }
            for note in notes { print(note) }
        }
    }

    /// The word that the trouble's line begins with.
    private func state(of partition: TopicPartition, _ troubles: [[String]], _ holder: LogDirectory.Holder?) -> String {
        guard let holder else { return "-" }
        guard let trouble = troubles.first(where: { $0.first == partition.description }), trouble.count == 2 else {
            return holder.isIncomplete ? "?" : "open"
        }
        return String(trouble[1].prefix { $0 != ":" })
    }
}
