/// Asks for the members of groups.
package struct DescribeGroupsRequest: KafkaMessage {
    package static let api = APIKey.describeGroups

    package var groups: [String] = []
    package var includeAuthorizedOperations = false

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        try coder.array(&groups)
        if coder.version >= 3 { try coder.bool(&includeAuthorizedOperations) }
    }
}

/// Groups and their members. One that is not there is described as dead.
package struct DescribeGroupsResponse: KafkaMessage {
    package static let api = APIKey.describeGroups

    package var throttleTimeMilliseconds: Int32 = 0
    package var groups: [Group] = []

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        if coder.version >= 1 { try coder.integer(&throttleTimeMilliseconds) }
        try coder.array(&groups)
    }

    package struct Group: KafkaStructure {
        package var error = KafkaErrorCode.none
        package var groupID = ""
        package var groupState = ""
        package var protocolType = ""
        package var protocolData = ""
        package var members: [Member] = []
        package var authorizedOperations: Int32 = .min

        package init() {}

        package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
            try coder.integer(&error.rawValue)
            try coder.string(&groupID)
            try coder.string(&groupState)
            try coder.string(&protocolType)
            try coder.string(&protocolData)
            try coder.array(&members)
            if coder.version >= 3 { try coder.integer(&authorizedOperations) }
        }
    }

    package struct Member: KafkaStructure {
        package var memberID = ""
        package var groupInstanceID: String?
        package var clientID = ""
        package var clientHost = ""
        package var memberMetadata: [UInt8] = []
        package var memberAssignment: [UInt8] = []

        package init() {}

        package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
            try coder.string(&memberID)
            if coder.version >= 4 { try coder.string(&groupInstanceID) }
            try coder.string(&clientID)
            try coder.string(&clientHost)
            try coder.bytes(&memberMetadata)
            try coder.bytes(&memberAssignment)
        }
    }
}
