import Exporters
import Testing

/// The address of a RabbitMQ, and what goes there.
@Suite struct RabbitMQSettingsTests {
    private func settings(_ url: String, _ others: [String: String] = [:]) throws -> RabbitMQSettings? {
        try RabbitMQSettings(FixedConfiguration(["RabbitMQ.Url": url].merging(others) { $1 }))
    }

    @Test func withoutAnAddressItIsOff() throws { #expect(try settings("") == nil) }

    @Test(arguments: [
        "amqp://h", "amqp://h/", "amqp://h:5673/%2F", "amqp://u:p%40ss@h/v%2Fh", "amqp://[::1]/v?heartbeat=30",
        "amqps://h?cacertfile=/etc/hosts", "amqps://h?cacertfile=/etc/hosts&certfile=/etc/hosts&keyfile=/etc/hosts",
    ])
    func anAddressIsTaken(_ url: String) throws { #expect(try settings(url) != nil) }

    @Test(arguments: [
        ("redis://h", "RabbitMQ.Url begins with redis:; it must begin with amqp: or amqps:"),
        ("h:5672", "RabbitMQ.Url begins with h:"),
        ("amqp://", "RabbitMQ.Url names no host"), ("amqp://h:0", "RabbitMQ.Url names port 0"),
        ("amqp://h/a/b", "RabbitMQ.Url has more than one part behind the host"),
        ("amqp://h?verify=none", "RabbitMQ.Url has the parameter verify; known are cacertfile"),
        ("amqp://h?heartbeat=5&heartbeat=6", "RabbitMQ.Url has the parameter heartbeat; known are"),
        ("amqp://h?heartbeat=0", "RabbitMQ.Url has the heartbeat 0; it must be 1 to 3600 seconds"),
        ("amqp://h?cacertfile=/etc/hosts", "RabbitMQ.Url names a cacertfile, and begins with amqp:, which is without TLS"),
        ("amqps://h?cacertfile=/no/such/file", "RabbitMQ.Url needs the file /no/such/file, which cannot be read"),
        (
            "amqps://h?cacertfile=/etc/hosts&certfile=/etc/hosts",
            "RabbitMQ.Url names one of certfile and keyfile; they go together"
        ),
    ])
    func aWrongOneIsRefusedByName(_ url: String, _ says: String) {
        let error = #expect(throws: ExporterRefusal.self) { try settings(url) }
        #expect(error?.description.hasPrefix(says) == true, "\(error?.description ?? "")")
    }

    @Test func onlyKnownRoutingKeysAreTaken() throws {
        #expect(try settings("amqp://h", ["RabbitMQ.RoutingKeys": "event.received,session.ended"]) != nil)
        let error = #expect(throws: ExporterRefusal.self) { try settings("amqp://h", ["RabbitMQ.RoutingKeys": "event"]) }
        #expect(
            error?.description
                == "RabbitMQ.RoutingKeys has \"event\"; known are event.received, user.identified, session.started, session.ended"
        )
    }

    @Test(arguments: ["", "amq.topic", String(repeating: "x", count: 256)])
    func anExchangeMustHaveAName(_ name: String) {
        let error = #expect(throws: ExporterRefusal.self) { try settings("amqp://h", ["RabbitMQ.Exchange": name]) }
        #expect(error?.description.hasPrefix("RabbitMQ.Exchange is") == true)
    }
}
