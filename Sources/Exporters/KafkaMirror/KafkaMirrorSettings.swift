internal import EventLog
internal import Synchronization
internal import Telemetry

/// Copies topics to a Kafka cluster.
package struct KafkaMirrorSettings: ExporterSettings {
    package static let name = "kafka-mirror"
    package static let keys = ["KafkaMirror.Brokers", "KafkaMirror.Topics", "KafkaMirror.Properties"]
    /// librdkafka has three for each broker, of each of its clients.
    package static let descriptorsMax = 128

    /// What can be copied. By their roles, since the events' topic has the name that the configuration gives it.
    private enum Topic: String, CaseIterable {
        case events, derived, rejected
    }

    private let client: KafkaClientSettings
    private let topics: [Topic]

    package init?(_ configuration: any ExporterConfiguration) throws {
        guard let brokers = try configuration.texts("KafkaMirror.Brokers"), !brokers.isEmpty else { return nil }
        client = try KafkaClientSettings(brokers: brokers, properties: configuration.texts("KafkaMirror.Properties") ?? [])
        topics = try Self.topics(configuration.texts("KafkaMirror.Topics") ?? ["events", "derived"])
    }

    private static func topics(_ names: [String]) throws -> [Topic] {
        let wanted = try names.map { name in
            guard let topic = Topic(rawValue: name) else {
                let all = Topic.allCases.map(\.rawValue).joined(separator: ", ")
                throw ExporterRefusal("KafkaMirror.Topics has \"\(name)\"; known are \(all)")
            }
            return topic
        }
        return Topic.allCases.filter(wanted.contains)
    }

    package func makeExporter(_ context: ExporterContext) -> Exporter {
        let interruption = Interruption()
        let all = topics.map { topic in
            let definition: TopicDefinition =
                switch topic {
                case .events: context.events
                case .derived: context.derived
                case .rejected: context.rejected
                }
            return KafkaMirrorConsumer(
                definition, producer: KafkaProducer(client, topic: definition, interruption: interruption),
                file: context.checkpoint("\(Self.name)-\(topic.rawValue)"), logName: context.logName, hasher: context.hasher,
                endsAtStart: context.endsAtStart(definition), warn: { context.warn(Self.name, $0) })
        }
        return Exporter(
            name: Self.name, readers: all.map { .init(topic: $0.topic, consumer: $0) },
            metrics: [KafkaMirrorMetrics(consumers: all)],
            interrupt: interruption.interrupt)
    }
}

/// How many records of a topic a cluster was given.
final class KafkaMirrorCounts: Sendable {
    /// The cluster has confirmed them.
    let stored = Atomic<Int64>(0)
    /// They were there already, from before a failure.
    let found = Atomic<Int64>(0)
}

/// What `/metrics` says of the mirror.
private struct KafkaMirrorMetrics: MetricsSource {
    let consumers: [KafkaMirrorConsumer]

    func write(to text: inout PrometheusText) {
        func add(_ name: String, _ help: String, _ count: (KafkaMirrorCounts) -> Int64) {
            text.add(name, .counter, help: help, consumers.map { ([("topic", $0.topic.name.text)], count($0.counts)) })
        }
        add("kafka_mirror_records_total", "Records that the cluster has confirmed.") { $0.stored.load(ordering: .relaxed) }
        add("kafka_mirror_records_found_total", "Records that the cluster had already, from before a failure.") {
            $0.found.load(ordering: .relaxed)
        }
    }
}
