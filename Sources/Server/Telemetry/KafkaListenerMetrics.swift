internal import KafkaBroker
internal import Telemetry

/// What `/metrics` says of the listener for Kafka's clients.
struct KafkaListenerMetrics: MetricsSource {
    let listener: KafkaListener

    func write(to text: inout PrometheusText) {
        let counts = listener.meters.counts
        text.add(
            "kafka_listener_connections", .gauge, help: "Connections of Kafka's clients that are open.",
            Int64(listener.connectionCount))
        text.add(
            "kafka_listener_connections_total", .counter, help: "Connections of Kafka's clients that were accepted.",
            counts.connections)
        text.add(
            "kafka_listener_refused_total", .counter,
            help: "Connections of Kafka's clients that were ended for what came over them, or because there were too many.",
            counts.refused)
        text.add(
            "kafka_listener_requests_total", .counter, help: "Requests of Kafka's clients.",
            counts.requestsByAPI.map { ([("api", $0.api)], $0.count) })
        text.add(
            "kafka_listener_bytes_total", .counter, help: "Bytes of requests from Kafka's clients, and of answers to them.",
            [([("direction", "in")], counts.receivedBytes), ([("direction", "out")], counts.sentBytes)])
    }
}
