internal import EventModel
package import NIOCore

/// The value of the field `Date` (RFC 9110, section 5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`.
package enum HTTPDate {
    private static let daysOfTheWeek: [StaticString] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months: [StaticString] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// - Parameter milliseconds: since 1970. A clock that is before that, or behind the year 9999, counts as being there.
    package static func write(_ milliseconds: Int64, to target: inout ByteBuffer) {
        let milliseconds = min(max(0, milliseconds), 253_402_300_799_999)
        withUnsafeTemporaryAllocation(byteCount: Timestamp.textBytes, alignment: 1) { text in
            // The calendar is that of timestamps, 1994-11-06T08:49:37.000Z; 1970 began on a Thursday.
            Timestamp.write(milliseconds, to: text.baseAddress!)
            let month = Int(text[5] - UInt8(ascii: "0")) * 10 + Int(text[6] - UInt8(ascii: "0"))
            target.writeStaticString(daysOfTheWeek[Int((milliseconds / 86_400_000 + 4) % 7)])
            target.writeStaticString(", ")
            target.writeBytes(text[8..<10])
            target.writeStaticString(" ")
            target.writeStaticString(months[month - 1])
            target.writeStaticString(" ")
            target.writeBytes(text[0..<4])
            target.writeStaticString(" ")
            target.writeBytes(text[11..<19])
            target.writeStaticString(" GMT")
        }
    }
}
