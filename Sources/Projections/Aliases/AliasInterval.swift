internal import Consumption
package import EventModel

/// A time in which an id is one user's.
package struct AliasInterval: Sendable, Equatable {
    package let id: ExactText
    package let user: ExactText
    /// Records after this time, in milliseconds since 1970, are the user's; nil: from the beginning.
    package let after: Int64?
    /// Up to and with this time; nil: to the end.
    package private(set) var through: Int64?
    /// Whether records that name the id as their user are meant too.
    package private(set) var takesUser: Bool

    /// What an id's events amount to. The first user has everything that came before another one came; who comes later takes only what comes
    /// after it.
    ///
    /// - Parameter rows: of one id.
    package static func all(_ rows: [AliasRow]) -> [AliasInterval] {
        var intervals: [AliasInterval] = []
        for row in rows.sorted(by: AliasRow.comesBefore) {
            if let last = intervals.last, last.user == row.user {
                if row.kind == .alias { intervals[intervals.count - 1].takesUser = true }
                continue
            }
            if !intervals.isEmpty { intervals[intervals.count - 1].through = row.time }
            intervals.append(
                AliasInterval(
                    id: row.id, user: row.user, after: intervals.isEmpty ? nil : row.time, through: nil,
                    takesUser: row.kind == .alias))
        }
        return intervals
    }
}
