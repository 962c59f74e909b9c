package import Foundation

/// Days as a time zone has them, as numbers such as 20261129.
package struct LocalDays {
    private struct Day {
        /// Milliseconds since 1970.
        let times: Range<Int64>
        let number: Int
    }

    /// What is asked for comes from few days: that of the receipts, and those of the events' own times.
    private static let keptMax = 4

    private var calendar = Calendar(identifier: .gregorian)
    /// The days that were asked for last.
    private var kept: [Day] = []

    package init(_ zone: TimeZone) { calendar.timeZone = zone }

    /// - Parameter time: milliseconds since 1970.
    package mutating func day(of time: Int64) -> Int { found(time).number }

    /// When the day of a time begins.
    package mutating func start(of time: Int64) -> Int64 { found(time).times.lowerBound }

    /// When the day of a time begins and when the next one does.
    package mutating func times(of time: Int64) -> Range<Int64> { found(time).times }

    private mutating func found(_ time: Int64) -> Day {
        for day in kept where day.times.contains(time) { return day }
        let date = Date(timeIntervalSince1970: Double(time) / 1000)
        let parts = calendar.dateComponents([.year, .month, .day], from: date)
        let interval = calendar.dateInterval(of: .day, for: date)
        let day = Day(
            times: interval.map { Self.milliseconds($0.start)..<Self.milliseconds($0.end) } ?? time..<time + 1,
            number: ((parts.year ?? 0) * 100 + (parts.month ?? 0)) * 100 + (parts.day ?? 0))
        if kept.count == Self.keptMax { kept.removeFirst() }
        kept.append(day)
        return day
    }

    private static func milliseconds(_ date: Date) -> Int64 { Int64((date.timeIntervalSince1970 * 1000).rounded()) }
}
