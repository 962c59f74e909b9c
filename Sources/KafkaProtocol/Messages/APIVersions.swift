/// The first request of a client.
package struct APIVersionsRequest: KafkaMessage {
    package static let api = APIKey.apiVersions

    package var clientSoftwareName = ""
    package var clientSoftwareVersion = ""

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        if coder.version >= 3 {
            try coder.string(&clientSoftwareName)
            try coder.string(&clientSoftwareVersion)
        }
    }
}

/// The versions of each request that are understood. Its header is always the first one's.
package struct APIVersionsResponse: KafkaMessage {
    package static let api = APIKey.apiVersions

    package var error = KafkaErrorCode.none
    package var ranges: [Range] = []
    package var throttleTimeMilliseconds: Int32 = 0

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        try coder.integer(&error.rawValue)
        try coder.array(&ranges)
        if coder.version >= 1 { try coder.integer(&throttleTimeMilliseconds) }
    }

    package struct Range: KafkaStructure {
        package var api: Int16 = 0
        package var minVersion: Int16 = 0
        package var maxVersion: Int16 = 0

        package init() {}

        package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
            try coder.integer(&api)
            try coder.integer(&minVersion)
            try coder.integer(&maxVersion)
        }
    }
}
