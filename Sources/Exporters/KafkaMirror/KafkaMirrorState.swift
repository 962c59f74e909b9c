internal import EventLog

/// How far a topic is copied, as it is kept in a file.
struct KafkaMirrorState: Codable, Equatable {
    var checkpoint: ExporterCheckpoint
    /// Of another cluster it says nothing. nil: nothing is copied yet.
    var cluster: String?
    /// Where the cluster's partitions ended then, or before.
    var ends: [Int64]

    /// What is kept, or the beginning where nothing is kept of this log.
    static func load(from store: any CheckpointStore, log: String, endsAtStart: [Int64]) throws -> KafkaMirrorState {
        let kept = try store.load(KafkaMirrorState.self) { state in
            state.checkpoint.positions.allSatisfy { $0 >= 0 } && state.ends.count == state.checkpoint.positions.count
        }
        guard var kept, kept.checkpoint.log == log, kept.ends.count == endsAtStart.count else {
            let nowhere = [Int64](repeating: 0, count: endsAtStart.count)
            return KafkaMirrorState(checkpoint: ExporterCheckpoint(log: log, positions: nowhere), cluster: nil, ends: nowhere)
        }
        // A log that does not sync may have lost its end. What comes in its place was not copied.
        kept.checkpoint.positions = zip(kept.checkpoint.positions, endsAtStart).map { min($0, $1) }
        return kept
    }

    /// Nothing is copied to this cluster yet; what its topic holds is of others.
    mutating func begin(_ target: KafkaProducer.Target) {
        checkpoint.positions = checkpoint.positions.map { _ in 0 }
        cluster = target.cluster
        ends = target.bounds.map(\.upperBound)
    }
}
