internal import EventLog
internal import EventModel
internal import RecordFormat
internal import Synchronization

/// Brings messages to RabbitMQ until each is confirmed, and remembers across attempts which are: those that another one holds up are not sent
/// again.
final class RabbitMQPublisher {
    private let connection: RabbitMQConnection
    private let exchange: String
    private let counts: RabbitMQCounts
    /// Offsets that are confirmed, of deliveries that are not yet taken as a whole.
    private var confirmed: [Int: Set<Int64>] = [:]

    init(_ connection: RabbitMQConnection, exchange: String, counts: RabbitMQCounts) {
        self.connection = connection
        self.exchange = exchange
        self.counts = counts
    }

    /// Told why the broker asks to wait, and of nil when it does no longer.
    func onBlocked(_ body: @escaping (String?) -> Void) { connection.onBlocked = body }

    func open() throws { try connection.open() }
    func tend() { connection.tend() }

    /// Returns when each of the messages is confirmed, now or by an earlier call.
    func publish(_ messages: RabbitMQMessages) throws {
        let places = messages.all.indices.filter { place in
            let message = messages.all[place]
            return confirmed[message.partition]?.contains(message.offset) != true
        }
        var (refused, unroutable): (Int, Set<RabbitMQMessages.RoutingKey>) = (0, [])
        try connection.publish(messages, places) { place, outcome in
            let message = messages.all[place]
            counts.add(outcome, message.routingKey)
            switch outcome {
            case .confirmed: confirmed[message.partition, default: []].insert(message.offset)
            case .refused: refused += 1
            case .unroutable: unroutable.insert(message.routingKey)
            }
        }
        if !unroutable.isEmpty {
            let keys = unroutable.map(\.rawValue).sorted().joined(separator: ", ")
            throw RabbitMQFailure(
                "no queue is bound to the exchange \(exchange) for \(keys), so RabbitMQ at \(connection.address.shown) sent messages back; bind "
                    + "one, or leave that out of RabbitMQ.RoutingKeys")
        }
        if refused > 0 {
            throw RabbitMQFailure(
                "RabbitMQ at \(connection.address.shown) refused \(refused) messages (basic.nack); its log says why")
        }
    }

    /// What is before these offsets will not come again.
    func passed(_ positions: [PartitionID: Int64]) {
        for (partition, position) in positions {
            guard let offsets = confirmed[partition.number] else { continue }
            let left = offsets.filter { $0 >= position }
            confirmed[partition.number] = left.isEmpty ? nil : left
        }
    }

    /// Nothing that was confirmed will come again.
    func forget() { confirmed.removeAll() }
}

/// What became of messages, by their routing keys.
final class RabbitMQCounts: Sendable {
    struct Figures {
        var confirmed: [RabbitMQMessages.RoutingKey: Int64] = [:]
        var returned: [RabbitMQMessages.RoutingKey: Int64] = [:]
        var refused: [RabbitMQMessages.RoutingKey: Int64] = [:]
    }

    private let state = Mutex(Figures())

    var figures: Figures { state.withLock { $0 } }

    func add(_ outcome: PublishWindow.Outcome, _ key: RabbitMQMessages.RoutingKey) {
        state.withLock { figures in
            switch outcome {
            case .confirmed: figures.confirmed[key, default: 0] += 1
            case .refused: figures.refused[key, default: 0] += 1
            case .unroutable: figures.returned[key, default: 0] += 1
            }
        }
    }
}
