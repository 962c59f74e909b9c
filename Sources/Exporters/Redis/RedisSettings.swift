internal import EventLog
internal import Telemetry

/// Keeps the figures of the day, who is active, and the aliases, in a Redis.
package struct RedisSettings: ExporterSettings {
    package static let name = "redis"
    package static let keys = ["Redis.Url"]

    private let address: RedisAddress

    package init?(_ configuration: any ExporterConfiguration) throws {
        guard let url = try configuration.text("Redis.Url"), !url.isEmpty else { return nil }
        do throws(ExporterRefusal) { address = try RedisAddress(url) } catch {
            throw ExporterRefusal("Redis.Url \(error)")
        }
    }

    package func makeExporter(_ context: ExporterContext) -> Exporter {
        let keys = RedisKeys(logName: context.logName, topic: context.events.name)
        let interruption = Interruption()
        let losses = RedisLosses { context.warn(Self.name, $0) }
        let address = address
        let makeBook: @Sendable () -> RedisBook = {
            RedisBook(
                RedisConnection(address, interruption: interruption, onEviction: losses.warnOfEviction), keys: keys,
                zone: context.zone, losses: losses)
        }
        let consumer = RedisConsumer(
            makeBook(), thread: context.makeThread(), file: context.checkpoint(Self.name), logName: context.logName,
            endsAtStart: context.endsAtStart(context.events))
        return Exporter(
            name: Self.name, readers: [.init(topic: context.events, consumer: consumer)],
            makeReplayTarget: { RedisReplayTarget(makeBook()) }, metrics: [RedisMetrics(losses: losses)],
            interrupt: interruption.interrupt)
    }
}

/// What `/metrics` says of Redis.
private struct RedisMetrics: MetricsSource {
    let losses: RedisLosses

    func write(to text: inout PrometheusText) {
        text.add(
            "redis_commands_refused_total", .counter,
            help: "Commands that Redis refused within a transaction: their keys hold something of another type.", losses.count)
    }
}
