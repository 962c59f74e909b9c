internal import CRdKafka

/// How librdkafka reaches a cluster.
struct KafkaClientSettings: Sendable {
    /// What the mirror's promises rest on. Whoever sets it would have other ones.
    private static let own: Set<String> = [
        "bootstrap.servers", "metadata.broker.list", "enable.idempotence", "acks", "request.required.acks", "retries",
        "message.send.max.retries", "message.timeout.ms", "delivery.timeout.ms", "enable.gapless.guarantee", "transactional.id",
        "partitioner", "group.id", "enable.auto.commit", "auto.commit.enable", "auto.offset.reset", "enable.partition.eof",
        "isolation.level",
        "delivery.report.only.error", "plugin.library.paths", "builtin.features",
    ]

    let brokers: String
    private let properties: [(name: String, value: String)]

    /// - Throws: `ExporterRefusal` where librdkafka would not take it.
    init(brokers: [String], properties: [String]) throws {
        self.brokers = brokers.joined(separator: ",")
        self.properties = try properties.enumerated().map { place, property in
            // Not shown: it may be a password without its name.
            guard let equals = property.firstIndex(of: "="), equals > property.startIndex else {
                throw ExporterRefusal(
                    "KafkaMirror.Properties has no = in its entry \(place + 1); it must be name=value, as librdkafka has them")
            }
            let name = property[..<equals].trimmingSpaces
            if Self.own.contains(name) {
                throw ExporterRefusal(
                    "KafkaMirror.Properties has \(name), which is the mirror's own"
                        + (name == "bootstrap.servers" || name == "metadata.broker.list"
                            ? "; the brokers are KafkaMirror.Brokers" : ""))
            }
            return (name, property[property.index(after: equals)...].trimmingSpaces)
        }
        rd_kafka_conf_destroy(try configuration())
    }

    /// A configuration with these brokers and properties, and those of `more`, which the properties overrule.
    ///
    /// - Throws: `ExporterRefusal`, which names a property that librdkafka does not take.
    func configuration(_ more: [(name: String, value: String)] = []) throws(ExporterRefusal) -> OpaquePointer {
        guard let configuration = rd_kafka_conf_new() else { throw ExporterRefusal("there is no memory for a Kafka client") }
        let common = [
            ("bootstrap.servers", brokers), ("client.id", "okla-events"), ("socket.keepalive.enable", "true"),
            // What a transaction of others leaves open lies in front of what was written behind it.
            ("isolation.level", "read_uncommitted"),
        ]
        for (name, value) in common + more + properties.map({ ($0.name, $0.value) }) {
            var reason = [CChar](repeating: 0, count: 512)
            if rd_kafka_conf_set(configuration, name, value, &reason, reason.count) != RD_KAFKA_CONF_OK {
                rd_kafka_conf_destroy(configuration)
                throw ExporterRefusal("KafkaMirror.Properties: \(name) is not taken by librdkafka: \(kafkaText(reason))")
            }
        }
        return configuration
    }
}

extension Substring {
    fileprivate var trimmingSpaces: String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
