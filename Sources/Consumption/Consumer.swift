package import EventLog

/// Does something with every record of a topic, and keeps for itself how far it has come: where its results are, so that both are always of
/// the same moment. Called by one `ConsumerRunner`, never twice at once.
package protocol Consumer: Sendable {
    /// The group's name, as Kafka's consumer groups have one.
    var group: String { get }

    /// Where to go on, of each partition. Called at the start, and again after each error.
    ///
    /// - Parameter bounds: of each partition at the moment. A consumer that has come further than the log reaches has seen another log.
    func resume(_ bounds: [OffsetBounds]) async throws -> [Int64]

    /// Takes all of a delivery, or, where it throws, nothing that a repetition would take twice. A `PoisonRecord` that it throws is tried
    /// again some times, and then set aside; everything else is tried again for as long as it takes.
    func take(_ delivery: Delivery) async throws

    /// Everything that has come to rest is taken. Called again every `idleInterval` while that is so, and whenever it has become so.
    ///
    /// - Parameter bounds: of each partition, from before the look that found nothing more.
    func caughtUp(_ bounds: [OffsetBounds]) async throws

    /// From where it would go on after a restart, of each partition; never ahead of what it has taken.
    var committed: [Int64] { get }

    /// What it has, now that something has gone wrong: less than what it took, where it works on that after it has taken it.
    var held: [Int64] { get }

    /// What it had to pass over.
    var passedOver: PassedOver { get }

    /// How often `caughtUp` is called while nothing comes.
    var idleInterval: Duration { get }

    /// For what it waits within `take`, where that may last; nil: for nothing.
    var obstacle: String? { get }
}

extension Consumer {
    package var held: [Int64] { committed }
    package var idleInterval: Duration { .seconds(1) }
    package var obstacle: String? { nil }
}

/// A record that a consumer cannot take; as an error it says that this one is to blame.
package struct PoisonRecord: Error, Equatable, CustomStringConvertible {
    package let partition: PartitionID
    package let offset: Int64
    package let reason: String

    package init(partition: PartitionID, offset: Int64, reason: String) {
        self.partition = partition
        self.offset = offset
        self.reason = reason
    }

    package var description: String { "partition \(partition), offset \(offset): \(reason)" }
}

/// Counts of what a consumer had to pass over, as it keeps them.
package struct PassedOver: Sendable, Equatable {
    /// Records that were set aside.
    package var setAside: Int64 = 0
    /// Offsets without a record that could be seen.
    package var gaps: [ConsumptionGap.Cause: Int64] = [:]

    package init() {}
}
