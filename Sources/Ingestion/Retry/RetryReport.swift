package import EventModel

/// What became of rejected events that were put through again.
package struct RetryReport: Sendable {
    package struct Rejection: Sendable {
        package let offset: Int64
        package let violations: [EventViolation]
    }

    /// Records looked at, those of other names included.
    package var examined = 0
    package var stored = 0
    /// Put through before, or sent again by its client: stored under the same messageId.
    package var alreadyStored = 0
    package var rejected = 0
    /// Not put through: retention has removed records in which they may be stored already.
    package var undecided = 0
    /// The first of those that are still rejected, and why.
    package var rejections: [Rejection] = []
    /// The offset to go on at.
    package var next: Int64 = 0
    /// The offset that was asked for as the end, or behind the last record.
    package var end: Int64 = 0

    package init() {}
}
