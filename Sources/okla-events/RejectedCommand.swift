import ArgumentParser
internal import EventLog
internal import EventModel
internal import LogStorage
internal import RecordFormat
internal import Server

struct RejectedCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rejected",
        abstract: "Looks at the events that were rejected, and puts them through again.",
        subcommands: [RejectedListCommand.self, RejectedRetryCommand.self])
}

struct RejectedListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Prints rejected events and why, one JSON object a line.",
        discussion: """
            {"offset":12,"time":"2026-01-21T10:30:45.123Z","event":"vehicle_view","messageId":null,"writeKey":"web","endpoint":"events","clientAddress":"192.0.2.7",
             "userAgent":"...","key":"user-1","errors":[{"path":"/properties/vehicleId","keyword":"required","message":"is required"}],"value":{...}}
            The value is what the client sent. Their number stands on standard error.
            """)

    @OptionGroup var location: LogLocation

    @Option(help: "Only events of this name.")
    var event: String?

    @Option(help: "The first offset.")
    var from: Int64 = 0

    @Option(help: "The offset to stop before.")
    var to: Int64 = .max

    func run() throws {
        guard let topic = TopicName(Settings.rejectedTopic) else { preconditionFailure("it is a topic's name") }
        try location.inspect { inspector, _ in
            let partition = TopicPartition(topic, PartitionID(0))
            var count = 0
            try inspector.forEachRecord(
                of: partition, from: from, to: to,
                onHole: { offsets, reason in
                    standardError("offsets \(offsets.lowerBound) to \(offsets.upperBound - 1) are lost: \(reason)\n")
                }
            ) { record in
                guard let line = line(record) else { return }
                count += 1
                print(line)
            }
            standardError("\(count) rejected event\(count == 1 ? "" : "s")\n")
        }
    }

    /// nil where it is of another name than asked for.
    private func line(_ record: RecordView) -> String? {
        var headers: [String: UnsafeRawBufferPointer] = [:]
        record.forEachHeader { name, value in headers[String(decoding: name, as: UTF8.self)] = value }
        // By bytes: to a String, é as one code point and as two are the same.
        if let event, headers["event"]?.elementsEqual(event.utf8) != true { return nil }
        let named = ["event", "messageId", "writeKey", "endpoint", "clientAddress", "userAgent"]
            .map { "\"\($0)\":\(RecordText.quoted(headers[$0]))" }.joined(separator: ",")
        return """
            {"offset":\(record.offset),"time":"\(Timestamp.text(record.timestamp))",\(named),"key":\(RecordText.quoted(record.key)),\
            "errors":\(RecordText.value(headers["errors"])),"value":\(RecordText.value(record.value))}
            """
    }
}
