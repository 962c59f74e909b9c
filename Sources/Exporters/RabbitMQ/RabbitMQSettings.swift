internal import Consumption
internal import EventLog
internal import Telemetry

/// Tells other services of events over a RabbitMQ.
package struct RabbitMQSettings: ExporterSettings {
    package static let name = "rabbitmq"
    package static let keys = ["RabbitMQ.Url", "RabbitMQ.Exchange", "RabbitMQ.RoutingKeys"]

    private let address: RabbitMQAddress
    private let exchange: String
    private let routingKeys: Set<RabbitMQMessages.RoutingKey>

    package init?(_ configuration: any ExporterConfiguration) throws {
        guard let url = try configuration.text("RabbitMQ.Url"), !url.isEmpty else { return nil }
        do throws(ExporterRefusal) { address = try RabbitMQAddress(url) } catch {
            throw ExporterRefusal("RabbitMQ.Url \(error)")
        }
        exchange = try configuration.text("RabbitMQ.Exchange") ?? "events"
        guard (1...RabbitMQMessages.shortStringMax).contains(exchange.utf8.count), !exchange.hasPrefix("amq.") else {
            throw ExporterRefusal(
                "RabbitMQ.Exchange is \"\(exchange)\"; it must have 1 to \(RabbitMQMessages.shortStringMax) bytes, and may not begin with amq."
            )
        }
        routingKeys = try Self.routingKeys(configuration)
    }

    private static func routingKeys(_ configuration: any ExporterConfiguration) throws -> Set<RabbitMQMessages.RoutingKey> {
        guard let names = try configuration.texts("RabbitMQ.RoutingKeys") else {
            return Set(RabbitMQMessages.RoutingKey.allCases)
        }
        return Set(
            try names.map { name in
                guard let key = RabbitMQMessages.RoutingKey(rawValue: name) else {
                    let all = RabbitMQMessages.RoutingKey.allCases.map(\.rawValue).joined(separator: ", ")
                    throw ExporterRefusal("RabbitMQ.RoutingKeys has \"\(name)\"; known are \(all)")
                }
                return key
            })
    }

    package func makeExporter(_ context: ExporterContext) -> Exporter {
        let interruption = Interruption()
        let counts = RabbitMQCounts()
        let (address, exchange) = (address, exchange)
        let makePublisher: @Sendable () -> RabbitMQPublisher = {
            RabbitMQPublisher(
                RabbitMQConnection(address, exchange: exchange, interruption: interruption), exchange: exchange, counts: counts)
        }
        func reader(_ topic: TopicDefinition, isDerived: Bool, file: String) -> Exporter.Reader {
            .init(
                topic: topic,
                consumer: RabbitMQConsumer(
                    makePublisher(),
                    messages: .init(routingKeys: routingKeys, isDerived: isDerived, hasher: context.hasher),
                    file: context.checkpoint(file), logName: context.logName, endsAtStart: context.endsAtStart(topic),
                    warn: { context.warn(Self.name, $0) }))
        }
        // Whoever replays wants them.
        let events = RabbitMQMessageMaker(routingKeys: [.eventReceived], isDerived: false, hasher: context.hasher)
        return Exporter(
            name: Self.name,
            readers: [
                reader(context.events, isDerived: false, file: Self.name),
                reader(context.derived, isDerived: true, file: "\(Self.name)-derived"),
            ],
            makeReplayTarget: { RabbitMQReplayTarget(makePublisher(), messages: events) },
            metrics: [RabbitMQMetrics(counts: counts)], interrupt: interruption.interrupt)
    }
}

/// What `/metrics` says of RabbitMQ.
private struct RabbitMQMetrics: MetricsSource {
    let counts: RabbitMQCounts

    func write(to text: inout PrometheusText) {
        let figures = counts.figures
        func add(_ name: String, _ help: String, _ counts: [RabbitMQMessages.RoutingKey: Int64]) {
            text.add(
                name, .counter, help: help,
                RabbitMQMessages.RoutingKey.allCases.map { ([("routing_key", $0.rawValue)], counts[$0] ?? 0) })
        }
        add("rabbitmq_messages_confirmed_total", "Messages that RabbitMQ has confirmed.", figures.confirmed)
        add(
            "rabbitmq_messages_returned_total", "Messages that RabbitMQ sent back, for no queue was bound for them.",
            figures.returned)
        add("rabbitmq_messages_refused_total", "Messages that RabbitMQ refused (basic.nack).", figures.refused)
    }
}
