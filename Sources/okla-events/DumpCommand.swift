import ArgumentParser
internal import EventLog
internal import Foundation
internal import LogStorage
internal import RecordFormat

struct DumpCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dump", abstract: "Prints records, one JSON object a line.",
        discussion: """
            json: {"partition":3,"offset":12,"timestamp":1769000000000,"key":"user-1","headers":{...},"value":{...}}
            hex:  the offset, then key and value as hexadecimal digits, for values that are not JSON.
            Offsets whose records are lost to damage are stepped over and told on standard error.
            """)

    enum Format: String, ExpressibleByArgument, CaseIterable { case json, hex }

    @OptionGroup var location: LogLocation

    @Option(help: "The topic.")
    var topic = "okla.events.raw"

    @Option(help: "One partition; without it all, one after the other.")
    var partition: Int?

    @Option(help: "The first offset.")
    var from: Int64 = 0

    @Option(help: "The offset to stop before.")
    var to: Int64 = .max

    @Option(help: "json or hex.")
    var format = Format.json

    func run() throws {
        try location.inspect { inspector, meta in
            guard let definition = meta.topics.first(where: { $0.name.text == topic }) else {
                let names = meta.topics.map(\.name.text).joined(separator: ", ")
                throw LogError(.unknownTopic, "there is no topic \(topic); there are \(names)")
            }
            if let partition, !(0..<definition.partitionCount).contains(partition) {
                throw LogError(
                    .unknownTopic, "\(topic) has partitions 0 to \(definition.partitionCount - 1), not \(partition)")
            }
            for number in partition.map({ [$0] }) ?? Array(0..<definition.partitionCount) {
                let partition = TopicPartition(definition.name, PartitionID(number))
                try inspector.forEachRecord(
                    of: partition, from: from, to: to,
                    onHole: { offsets, reason in
                        standardError(
                            "\(partition): offsets \(offsets.lowerBound) to \(offsets.upperBound - 1) are lost: \(reason)\n")
                    }
                ) { record in
                    print(format == .json ? json(record, number) : hex(record))
                }
            }
        }
    }

    private func json(_ record: RecordView, _ partition: Int) -> String {
        var headers: [String] = []
        record.forEachHeader { name, value in headers.append("\(RecordText.quoted(name)):\(RecordText.quoted(value))") }
        return """
            {"partition":\(partition),"offset":\(record.offset),"timestamp":\(record.timestamp),\
            "key":\(RecordText.quoted(record.key)),"headers":{\(headers.joined(separator: ","))},"value":\(RecordText.value(record.value))}
            """
    }

    private func hex(_ record: RecordView) -> String {
        func digits(_ bytes: UnsafeRawBufferPointer?) -> String {
            bytes.map { $0.map { String(format: "%02x", $0) }.joined() } ?? "-"
        }
        return "\(record.offset) \(digits(record.key)) \(digits(record.value))"
    }
}
