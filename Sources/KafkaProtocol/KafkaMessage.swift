/// A request, or the answer to one.
package protocol KafkaMessage: KafkaStructure {
    static var api: APIKey { get }
}

extension KafkaMessage {
    /// Reads a message from `position` on.
    ///
    /// - Parameter isAll: it must take all of `bytes`. Kafka's brokers do not ask that of requests, and librdkafka sends some bytes too many where it asks
    ///   for all topics (Metadata from version 9 on: four bytes for an array that is null, which has one).
    package init(
        reading bytes: UnsafeRawBufferPointer, at position: Int = 0, version: Int16, isAll: Bool = true
    ) throws(KafkaProtocolError) {
        var reader = FieldReader(bytes, at: position, version: version, isFlexible: Self.api.isFlexible(version))
        self.init()
        try reader.structure(&self)
        if isAll { try reader.end() }
    }

    package func write(_ writer: inout FieldWriter) throws(KafkaProtocolError) {
        var message = self
        try writer.structure(&message)
    }

    /// Without a header.
    package func encoded(version: Int16) throws(KafkaProtocolError) -> [UInt8] {
        var writer = FieldWriter(version: version, isFlexible: Self.api.isFlexible(version))
        try write(&writer)
        return writer.bytes
    }

    /// The answer with its header, without the length before it.
    package func answer(_ correlationID: Int32, version: Int16) throws(KafkaProtocolError) -> FieldWriter {
        var writer = FieldWriter(version: version, isFlexible: Self.api.isFlexible(version))
        var correlationID = correlationID
        try writer.integer(&correlationID)
        // A client reads this one before it knows what the server understands.
        if writer.isFlexible, Self.api != .apiVersions { try writer.tags() }
        try write(&writer)
        return writer
    }
}
