/// Asks for all groups, or those in some states.
package struct ListGroupsRequest: KafkaMessage {
    package static let api = APIKey.listGroups

    package var statesFilter: [String] = []

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        if coder.version >= 4 { try coder.array(&statesFilter) }
    }
}

/// The groups that this broker looks after.
package struct ListGroupsResponse: KafkaMessage {
    package static let api = APIKey.listGroups

    package var throttleTimeMilliseconds: Int32 = 0
    package var error = KafkaErrorCode.none
    package var groups: [Group] = []

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        if coder.version >= 1 { try coder.integer(&throttleTimeMilliseconds) }
        try coder.integer(&error.rawValue)
        try coder.array(&groups)
    }

    package struct Group: KafkaStructure {
        package var groupID = ""
        package var protocolType = ""
        package var groupState = ""

        package init() {}

        package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
            try coder.string(&groupID)
            try coder.string(&protocolType)
            if coder.version >= 4 { try coder.string(&groupState) }
        }
    }
}
