package import EventModel

/// What somebody wants to know.
package struct StatisticsQuery: Sendable {
    package enum Interval: String, Sendable, CaseIterable {
        case minute, hour, day

        /// A day with a change of the clocks is shorter or longer.
        package var milliseconds: Int64 {
            switch self {
            case .minute: 60_000
            case .hour: 3_600_000
            case .day: 86_400_000
            }
        }
    }

    /// Milliseconds since 1970. The intervals that these touch are meant, each as a whole.
    package var times: Range<Int64>
    package var interval: Interval
    /// Only events of this name.
    package var event: ExactText?
    /// Names of events that are told by themselves: the most frequent ones.
    package var eventNames = 100
    /// The day of the day's figures, as 20261129 says it; nil: today.
    package var day: Int?
    /// A vehicle whose figures are wanted, however many others have more.
    package var vehicle: String?
    /// How many of what is listed by its number.
    package var top = 10

    package init(times: Range<Int64>, interval: Interval) {
        self.times = times
        self.interval = interval
    }
}
