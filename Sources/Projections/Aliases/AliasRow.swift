package import Consumption
package import EventModel

/// That an id is a user's, as one event says.
package struct AliasRow: Sendable, Equatable {
    package let id: ExactText
    package let user: ExactText
    package let kind: AliasClaim.Kind
    /// The record's time, in milliseconds since 1970.
    package let time: Int64
    package let partition: Int
    package let offset: Int64

    package init(id: ExactText, user: ExactText, kind: AliasClaim.Kind, time: Int64, partition: Int, offset: Int64) {
        self.id = id
        self.user = user
        self.kind = kind
        self.time = time
        self.partition = partition
        self.offset = offset
    }

    /// In the order of the times; those of one millisecond by their places in the log.
    static func comesBefore(_ a: AliasRow, _ b: AliasRow) -> Bool {
        (a.time, a.partition, a.offset) < (b.time, b.partition, b.offset)
    }
}
