/// A member is alive.
package struct HeartbeatRequest: KafkaMessage {
    package static let api = APIKey.heartbeat

    package var groupID = ""
    package var generationID: Int32 = 0
    package var memberID = ""
    package var groupInstanceID: String?

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        try coder.string(&groupID)
        try coder.integer(&generationID)
        try coder.string(&memberID)
        if coder.version >= 3 { try coder.string(&groupInstanceID) }
    }
}

/// Whether the group stands as it did.
package struct HeartbeatResponse: KafkaMessage {
    package static let api = APIKey.heartbeat

    package var throttleTimeMilliseconds: Int32 = 0
    package var error = KafkaErrorCode.none

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        if coder.version >= 1 { try coder.integer(&throttleTimeMilliseconds) }
        try coder.integer(&error.rawValue)
    }
}
