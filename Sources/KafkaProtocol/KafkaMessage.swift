/// A request, or the answer to one.
package protocol KafkaMessage: KafkaStructure {
    static var api: APIKey { get }
}

extension KafkaMessage {
    /// Reads a message that takes all of `bytes` from `position` on.
    package init(
        reading bytes: UnsafeRawBufferPointer, at position: Int = 0, version: Int16
    ) throws(KafkaProtocolError) {
        var reader = FieldReader(bytes, at: position, version: version, isFlexible: Self.api.isFlexible(version))
        self.init()
        try reader.structure(&self)
        try reader.end()
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
