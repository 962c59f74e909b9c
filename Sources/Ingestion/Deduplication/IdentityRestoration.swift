package import EventLog
internal import Synchronization

/// Fills a table with the identities that a log's partitions hold, newest first over all partitions, until it is full. So no more
/// is read than is remembered. By turns it reads, several partitions at a time, and puts into the table what comes next.
package struct IdentityRestoration {
    /// Identities that are put into the table together.
    private static let batchCount = 1 << 17

    private let partitions: [PartitionRestoration]

    /// - Parameter since: seconds since 1970.
    package init(from log: some IdentitySource, topic: TopicName, partitionCount: Int, since: UInt32) throws(LogError) {
        var partitions: [PartitionRestoration] = []
        for number in 0..<partitionCount {
            let reader = try log.identities(of: TopicPartition(topic, PartitionID(number)), since: since)
            partitions.append(PartitionRestoration(number: number, reader))
        }
        self.partitions = partitions
    }

    package func fill(_ table: inout IdentityTable, concurrently: IdentityTable.Concurrently) throws(LogError) {
        var batch: [IdentityTable.Entry] = []
        batch.reserveCapacity(min(table.room, Self.batchCount))
        while table.room > 0 {
            try read(concurrently)
            batch.removeAll(keepingCapacity: true)
            take(min(table.room, Self.batchCount), into: &batch)
            if batch.isEmpty { return }
            table.prepend(batch, concurrently: concurrently)
        }
    }

    private func read(_ concurrently: IdentityTable.Concurrently) throws(LogError) {
        // Twice as much as is taken of each where all have as many, so that seldom one of them ends a batch early.
        let count = Self.batchCount / partitions.count * 2
        let failure = Failure()
        concurrently(partitions.count) { [partitions] number in
            do throws(LogError) { try partitions[number].read(atLeast: count) } catch { failure.note(error) }
        }
        if let error = failure.error { throw error }
    }

    /// Takes the newest identities, as many as can be told without reading more. Merges by whole seconds: timestamps never fall within
    /// a partition.
    private func take(_ countMax: Int, into batch: inout [IdentityTable.Entry]) {
        while let second = partitions.compactMap(\.newest).max() {
            for partition in partitions.reversed() {
                guard partition.take(second: second, countMax: countMax, into: &batch) else { return }
            }
        }
    }

    private final class Failure: Sendable {
        private let first = Mutex<LogError?>(nil)

        var error: LogError? { first.withLock { $0 } }
        func note(_ error: LogError) { first.withLock { $0 = $0 ?? error } }
    }
}
