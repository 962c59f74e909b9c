/// A member asks for its assignment; the leader brings those of all.
package struct SyncGroupRequest: KafkaMessage {
    package static let api = APIKey.syncGroup

    package var groupID = ""
    package var generationID: Int32 = 0
    package var memberID = ""
    package var groupInstanceID: String?
    package var protocolType: String?
    package var protocolName: String?
    package var assignments: [Assignment] = []

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        try coder.string(&groupID)
        try coder.integer(&generationID)
        try coder.string(&memberID)
        if coder.version >= 3 { try coder.string(&groupInstanceID) }
        if coder.version >= 5 {
            try coder.string(&protocolType)
            try coder.string(&protocolName)
        }
        try coder.array(&assignments)
    }

    package struct Assignment: KafkaStructure {
        package var memberID = ""
        package var assignment: [UInt8] = []

        package init() {}

        package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
            try coder.string(&memberID)
            try coder.bytes(&assignment)
        }
    }
}

/// A member's assignment, in bytes that its clients understand.
package struct SyncGroupResponse: KafkaMessage {
    package static let api = APIKey.syncGroup

    package var throttleTimeMilliseconds: Int32 = 0
    package var error = KafkaErrorCode.none
    package var protocolType: String?
    package var protocolName: String?
    package var assignment: [UInt8] = []

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        if coder.version >= 1 { try coder.integer(&throttleTimeMilliseconds) }
        try coder.integer(&error.rawValue)
        if coder.version >= 5 {
            try coder.string(&protocolType)
            try coder.string(&protocolName)
        }
        try coder.bytes(&assignment)
    }
}
