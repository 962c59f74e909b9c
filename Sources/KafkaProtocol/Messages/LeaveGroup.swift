/// A member goes; from version 3 on, several.
package struct LeaveGroupRequest: KafkaMessage {
    package static let api = APIKey.leaveGroup

    package var groupID = ""
    package var memberID = ""
    package var members: [Member] = []

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        try coder.string(&groupID)
        if coder.version <= 2 { try coder.string(&memberID) }
        if coder.version >= 3 { try coder.array(&members) }
    }

    package struct Member: KafkaStructure {
        package var memberID = ""
        package var groupInstanceID: String?
        package var reason: String?

        package init() {}

        package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
            try coder.string(&memberID)
            try coder.string(&groupInstanceID)
            if coder.version >= 5 { try coder.string(&reason) }
        }
    }
}

/// What became of each that was to go.
package struct LeaveGroupResponse: KafkaMessage {
    package static let api = APIKey.leaveGroup

    package var throttleTimeMilliseconds: Int32 = 0
    package var error = KafkaErrorCode.none
    package var members: [Member] = []

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        if coder.version >= 1 { try coder.integer(&throttleTimeMilliseconds) }
        try coder.integer(&error.rawValue)
        if coder.version >= 3 { try coder.array(&members) }
    }

    package struct Member: KafkaStructure {
        package var memberID = ""
        package var groupInstanceID: String?
        package var error = KafkaErrorCode.none

        package init() {}

        package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
            try coder.string(&memberID)
            try coder.string(&groupInstanceID)
            try coder.integer(&error.rawValue)
        }
    }
}
