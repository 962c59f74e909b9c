/// What stands before each request, behind its length.
package struct RequestHeader: Equatable, Sendable {
    /// Of the fields that every version of it begins with.
    package static let byteCountMin = 8

    /// Not all that clients may ask for is an `APIKey`.
    package var api: Int16
    package var version: Int16
    package var correlationID: Int32
    package var clientID: String?

    package init(api: Int16, version: Int16, correlationID: Int32, clientID: String?) {
        self.api = api
        self.version = version
        self.correlationID = correlationID
        self.clientID = clientID
    }

    /// - Returns: the header and where the message begins. Of a request that is not understood, only what every header begins with.
    package static func read(_ bytes: UnsafeRawBufferPointer) throws(KafkaProtocolError) -> (header: RequestHeader, end: Int) {
        var header = RequestHeader(api: 0, version: 0, correlationID: 0, clientID: nil)
        var reader = FieldReader(bytes, version: 0, isFlexible: false)
        try header.common(&reader)
        guard let api = APIKey(rawValue: header.api), api.versions.contains(header.version) else {
            return (header, reader.position)
        }
        // The text's length is not compact, whatever the version.
        try reader.string(&header.clientID)
        if api.isFlexible(header.version) { try reader.tags() }
        return (header, reader.position)
    }

    package func write(_ writer: inout FieldWriter) throws(KafkaProtocolError) {
        var header = self
        try header.common(&writer)
        var plain = FieldWriter(version: 0, isFlexible: false)
        try plain.string(&header.clientID)
        writer.append(plain.bytes)
        if APIKey(rawValue: api)?.isFlexible(version) ?? false { try writer.tags() }
    }

    private mutating func common<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        try coder.integer(&api)
        try coder.integer(&version)
        try coder.integer(&correlationID)
    }
}
