internal import EventLog
internal import KafkaProtocol
internal import LogStorage

/// Kafka's settings of a topic, as far as they say how it is here.
enum TopicSettings {
    private static let timestampType = "message.timestamp.type"
    /// Settings that a topic may be made with, if with this value: it is how all are.
    private static let fixed = [
        "cleanup.policy": "delete", "compression.type": "producer", "min.insync.replicas": "1",
        "unclean.leader.election.enable": "false",
    ]

    /// Whose times a topic's records are to have.
    ///
    /// - Throws: where the settings ask for what is not here.
    static func times(_ settings: [CreateTopicsRequest.Setting]) throws(TopicKeeper.Refusal) -> TopicDefinition.Timestamps {
        var times = TopicDefinition.Timestamps.created
        for setting in settings {
            let value = setting.value ?? ""
            if setting.name == timestampType {
                guard let found = TopicDefinition.Timestamps(rawValue: value) else {
                    throw TopicKeeper.Refusal(
                        .invalidConfig,
                        "\(timestampType) is \(value); it is \(TopicDefinition.Timestamps.created.rawValue) or "
                            + TopicDefinition.Timestamps.appended.rawValue)
                }
                times = found
            } else if let expected = fixed[setting.name] {
                guard value == expected else {
                    throw TopicKeeper.Refusal(
                        .invalidConfig, "\(setting.name) is \(value), and here it is \(expected) for all topics")
                }
            } else {
                throw TopicKeeper.Refusal(
                    .invalidConfig,
                    "\(setting.name) cannot be set for one topic: segments and retention are those of the whole log (Log.* in the "
                        + "service's configuration)")
            }
        }
        return times
    }

    /// How a topic is, by Kafka's names.
    static func all(of topic: TopicDefinition, _ broker: Broker) -> [(name: String, value: String)] {
        let log = broker.log.options
        var settings = fixed.map { (name: $0.key, value: $0.value) }
        settings += [
            (timestampType, (topic.wholeBatches ?? .appended).rawValue),
            ("max.message.bytes", String(broker.limits.messageBytesMax)),
            ("message.timestamp.after.max.ms", String(broker.limits.timestampAheadMax)),
            ("retention.bytes", String(log.retentionBytes ?? -1)),
            ("retention.ms", String(log.retentionAgeMilliseconds ?? -1)),
            ("segment.bytes", String(log.segmentBytes)),
            ("segment.ms", String(log.segmentAgeMilliseconds ?? Int64.max)),
        ]
        return settings.sorted { $0.name < $1.name }
    }
}
