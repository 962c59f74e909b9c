package import EventLog

/// How a partition is, in words for an operator: the state, why, and what to do.
package struct PartitionStatus: Sendable, CustomStringConvertible {
    package let partition: TopicPartition
    package let state: PartitionState
    package let damage: KnownDamage

    init(_ log: PartitionLog) {
        partition = log.topicPartition
        state = log.state
        damage = log.damage
    }

    package var isFine: Bool { state.isWritable && damage.isEmpty }

    /// One line: the partition, and how it is.
    package var description: String { "\(partition) \(isFine ? "open" : reason)" }

    /// Why it is not open or not whole, and what to do; empty where it is both.
    package var reason: String {
        var words: [String] = []
        if let reason = state.reason { words.append(reason) }
        if let first = damage.items.first {
            let more = damage.count > 1 ? " and \(damage.count - 1) places more" : ""
            let kept = first.keptAt.map { "; what stood there is kept in \($0)" } ?? ""
            words.append(
                "damaged: \(first.region.description)\(more)\(kept); everything else is served; "
                    + "okla-events log verify lists the damage, log repair sets aside what is not yet")
        }
        return words.joined(separator: "; ")
    }
}
