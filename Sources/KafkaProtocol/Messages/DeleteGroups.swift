/// Groups to be forgotten, with their offsets.
package struct DeleteGroupsRequest: KafkaMessage {
    package static let api = APIKey.deleteGroups

    package var groups: [String] = []

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        try coder.array(&groups)
    }
}

/// What became of each group.
package struct DeleteGroupsResponse: KafkaMessage {
    package static let api = APIKey.deleteGroups

    package var throttleTimeMilliseconds: Int32 = 0
    package var results: [Group] = []

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        try coder.integer(&throttleTimeMilliseconds)
        try coder.array(&results)
    }

    package struct Group: KafkaStructure {
        package var groupID = ""
        package var error = KafkaErrorCode.none

        package init() {}

        package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
            try coder.string(&groupID)
            try coder.integer(&error.rawValue)
        }
    }
}
