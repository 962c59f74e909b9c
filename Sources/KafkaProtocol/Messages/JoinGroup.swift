/// A member comes to a group, or says that it is still there while others come.
package struct JoinGroupRequest: KafkaMessage {
    package static let api = APIKey.joinGroup

    package var groupID = ""
    package var sessionTimeoutMilliseconds: Int32 = 0
    package var rebalanceTimeoutMilliseconds: Int32 = -1
    package var memberID = ""
    package var groupInstanceID: String?
    package var protocolType = ""
    package var protocols: [GroupProtocol] = []
    package var reason: String?

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        try coder.string(&groupID)
        try coder.integer(&sessionTimeoutMilliseconds)
        if coder.version >= 1 { try coder.integer(&rebalanceTimeoutMilliseconds) }
        try coder.string(&memberID)
        if coder.version >= 5 { try coder.string(&groupInstanceID) }
        try coder.string(&protocolType)
        try coder.array(&protocols)
        if coder.version >= 8 { try coder.string(&reason) }
    }

    package struct GroupProtocol: KafkaStructure {
        package var name = ""
        package var metadata: [UInt8] = []

        package init() {}

        package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
            try coder.string(&name)
            try coder.bytes(&metadata)
        }
    }
}

/// The generation that has begun. Its leader is told of all members, and makes the assignments.
package struct JoinGroupResponse: KafkaMessage {
    package static let api = APIKey.joinGroup

    package var throttleTimeMilliseconds: Int32 = 0
    package var error = KafkaErrorCode.none
    package var generationID: Int32 = -1
    package var protocolType: String?
    package var protocolName: String?
    package var leader = ""
    package var skipAssignment = false
    package var memberID = ""
    package var members: [Member] = []

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        if coder.version >= 2 { try coder.integer(&throttleTimeMilliseconds) }
        try coder.integer(&error.rawValue)
        try coder.integer(&generationID)
        if coder.version >= 7 { try coder.string(&protocolType) }
        try coder.string(&protocolName)
        try coder.string(&leader)
        if coder.version >= 9 { try coder.bool(&skipAssignment) }
        try coder.string(&memberID)
        try coder.array(&members)
    }

    package struct Member: KafkaStructure {
        package var memberID = ""
        package var groupInstanceID: String?
        package var metadata: [UInt8] = []

        package init() {}

        package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
            try coder.string(&memberID)
            if coder.version >= 5 { try coder.string(&groupInstanceID) }
            try coder.bytes(&metadata)
        }
    }
}
