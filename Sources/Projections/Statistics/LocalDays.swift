internal import Foundation

/// Days as a time zone has them, as numbers such as 20261129.
struct LocalDays {
    private var calendar = Calendar(identifier: .gregorian)
    /// The day that was asked for last, in milliseconds since 1970: most times fall into it.
    private var last: (times: Range<Int64>, day: Int)?

    init(_ zone: TimeZone) { calendar.timeZone = zone }

    /// - Parameter time: milliseconds since 1970.
    mutating func day(of time: Int64) -> Int {
        if let last, last.times.contains(time) { return last.day }
        let date = Date(timeIntervalSince1970: Double(time) / 1000)
        let parts = calendar.dateComponents([.year, .month, .day], from: date)
        let day = ((parts.year ?? 0) * 100 + (parts.month ?? 0)) * 100 + (parts.day ?? 0)
        if let interval = calendar.dateInterval(of: .day, for: date) {
            last = (Self.milliseconds(interval.start)..<Self.milliseconds(interval.end), day)
        }
        return day
    }

    /// When the day of a time begins.
    mutating func start(of time: Int64) -> Int64 {
        _ = day(of: time)
        return last?.times.lowerBound ?? time
    }

    private static func milliseconds(_ date: Date) -> Int64 { Int64((date.timeIntervalSince1970 * 1000).rounded()) }
}
