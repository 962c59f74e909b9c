internal import EventModel

/// The value of the field `Date` (RFC 9110, section 5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`.
package enum HTTPDate {
    private static let daysOfTheWeek: [StaticString] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months: [StaticString] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// - Parameter milliseconds: since 1970. A clock that is before that, or behind the year 9999, counts as being there.
    package static func text(_ milliseconds: Int64) -> [UInt8] {
        let milliseconds = min(max(0, milliseconds), 253_402_300_799_999)
        return withUnsafeTemporaryAllocation(byteCount: Timestamp.textBytes, alignment: 1) { time in
            // The calendar is that of timestamps, 1994-11-06T08:49:37.000Z; 1970 began on a Thursday.
            Timestamp.write(milliseconds, to: time.baseAddress!)
            let month = Int(time[5] - UInt8(ascii: "0")) * 10 + Int(time[6] - UInt8(ascii: "0"))
            var text: [UInt8] = []
            func add(_ word: StaticString) { word.withUTF8Buffer { text += $0 } }
            add(daysOfTheWeek[Int((milliseconds / 86_400_000 + 4) % 7)])
            add(", ")
            text += time[8..<10]
            add(" ")
            add(months[month - 1])
            add(" ")
            text += time[0..<4]
            add(" ")
            text += time[11..<19]
            add(" GMT")
            return text
        }
    }
}
