/// Asks for the settings of topics or brokers.
package struct DescribeConfigsRequest: KafkaMessage {
    package static let api = APIKey.describeConfigs

    package var resources: [Resource] = []
    package var includeSynonyms = false
    package var includeDocumentation = false

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        try coder.array(&resources)
        if coder.version >= 1 { try coder.bool(&includeSynonyms) }
        if coder.version >= 3 { try coder.bool(&includeDocumentation) }
    }

    package struct Resource: KafkaStructure {
        package var resourceType: Int8 = 0
        package var resourceName = ""
        package var settingNames: [String]?

        package init() {}

        package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
            try coder.integer(&resourceType)
            try coder.string(&resourceName)
            try coder.array(&settingNames)
        }
    }
}

/// Settings and where they come from.
package struct DescribeConfigsResponse: KafkaMessage {
    package static let api = APIKey.describeConfigs

    package var throttleTimeMilliseconds: Int32 = 0
    package var results: [Resource] = []

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        try coder.integer(&throttleTimeMilliseconds)
        try coder.array(&results)
    }

    package struct Resource: KafkaStructure {
        package var error = KafkaErrorCode.none
        package var errorMessage: String?
        package var resourceType: Int8 = 0
        package var resourceName = ""
        package var settings: [Setting] = []

        package init() {}

        package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
            try coder.integer(&error.rawValue)
            try coder.string(&errorMessage)
            try coder.integer(&resourceType)
            try coder.string(&resourceName)
            try coder.array(&settings)
        }
    }

    package struct Setting: KafkaStructure {
        package var name = ""
        package var value: String?
        package var readOnly = false
        package var configSource: Int8 = -1
        package var isDefault = false
        package var isSensitive = false
        package var synonyms: [Synonym] = []
        package var configType: Int8 = 0
        package var documentation: String?

        package init() {}

        package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
            try coder.string(&name)
            try coder.string(&value)
            try coder.bool(&readOnly)
            if coder.version >= 1 { try coder.integer(&configSource) }
            if coder.version == 0 { try coder.bool(&isDefault) }
            try coder.bool(&isSensitive)
            if coder.version >= 1 { try coder.array(&synonyms) }
            if coder.version >= 3 {
                try coder.integer(&configType)
                try coder.string(&documentation)
            }
        }
    }

    package struct Synonym: KafkaStructure {
        package var name = ""
        package var value: String?
        package var source: Int8 = 0

        package init() {}

        package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
            try coder.string(&name)
            try coder.string(&value)
            try coder.integer(&source)
        }
    }
}
