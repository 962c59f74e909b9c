package import EventLog
internal import RecordFormat

/// What the batches of a topic look like, beyond what their heads must hold: by this a batch is told from bytes that only look like one.
package struct BatchRules: Equatable, Sendable {
    /// nil: all batches are the log's own.
    let wholeBatches: TopicDefinition.Timestamps?

    package init(_ wholeBatches: TopicDefinition.Timestamps?) { self.wholeBatches = wholeBatches }

    /// A record's time is never before that of the one before it.
    var timesNeverFall: Bool { wholeBatches != .created }

    /// Whether a head behind a record of the time `timestamp` may be one of these batches.
    func allow(_ header: RecordBatchHeader, behind timestamp: Int64?) -> Bool { problem(of: header, behind: timestamp) == nil }

    /// Why it may not; nil where it may.
    func problem(of header: RecordBatchHeader, behind timestamp: Int64?) -> String? {
        if header.partitionLeaderEpoch != 0 { return "leader epoch is \(header.partitionLeaderEpoch), not 0" }
        if timesNeverFall, header.firstTimestamp < timestamp ?? Int64.min {
            return "timestamp is before that of the record before it"
        }
        // Ours have no producer: eight bytes FF, which UTF-8 never holds, so that no event's text can pose as a head.
        if wholeBatches == nil, header.producerID != -1 || header.producerEpoch != -1 || header.baseSequence != -1 {
            return "it has a producer, and the topic takes no batches of others"
        }
        return nil
    }
}
