package import EventLog
package import EventModel
package import RecordFormat

/// How a good event becomes a record: the partition of its key; as value its text with the server's changes; three headers.
package struct RecordEncoding {
    /// What key, headers and members spliced in take of an event, so that the memory of a request rarely moves.
    package static let addedBytesUsual = 512

    private let endpoint: IngestEndpoint
    private let topic: TopicHandle
    private let partitionCount: Int

    package init(_ endpoint: IngestEndpoint, topic: TopicHandle, partitionCount: Int) {
        self.endpoint = endpoint
        self.topic = topic
        self.partitionCount = partitionCount
    }

    /// The header of the records of a write key.
    package static func appendKeyHeader(_ name: String, to target: inout GrowableBytes) {
        var name = name
        name.withUTF8 { RecordBody.appendHeader("writeKey", UnsafeRawBufferPointer($0), to: &target) }
    }

    /// Adds the record to `group`; returns its number there.
    package func append(
        _ event: JSONValue, _ envelope: Envelope, with changes: borrowing Splice, messageID: UnsafeRawBufferPointer,
        _ identity: RecordIdentity, keyHeader: UnsafeRawBufferPointer, to group: inout RecordGroupBuilder
    ) -> Int {
        guard let key = envelope.recordKey else { preconditionFailure("the envelope rules ask for a key") }
        let start = group.bodies.count
        RecordBody.appendField(key, to: &group.bodies)
        group.bodies.append(varint: Int64(changes.byteCount(of: event)))
        let valueStart = group.bodies.count
        changes.write(event, to: &group.bodies)
        precondition(group.bodies.count - valueStart == changes.byteCount(of: event))
        RecordBody.appendHeaderCount(3, to: &group.bodies)
        if let name = endpoint.name(of: envelope) { RecordBody.appendHeader("event", name, to: &group.bodies) }
        RecordBody.appendHeader("messageId", messageID, to: &group.bodies)
        group.bodies.append(copying: keyHeader)
        return group.close(
            from: start, topic: topic, partition: Murmur2.partition(of: key, partitionCount: partitionCount), identity: identity)
    }
}
