/// RFC 3339 times, as milliseconds since 1970 in UTC.
public enum Timestamp {
    /// Length of what `write` produces: `2026-01-21T10:30:45.123Z`.
    public static let textBytes = 24

    /// Reads a date-time (`2026-01-21T10:30:45.123-04:00`, any number of fraction digits) or a date (midnight UTC);
    /// nil for anything else. Digits beyond the millisecond are dropped.
    public static func milliseconds(_ text: UnsafeRawBufferPointer) -> Int64? {
        if let usual = usualMilliseconds(text) { return usual }
        var reader = Reader(text: text)
        guard let year = reader.number(4), reader.skip("-"), let month = reader.number(2), reader.skip("-"),
            let day = reader.number(2), (1...12).contains(month),
            (1...daysInMonth(year, month)).contains(day)
        else { return nil }
        let midnight = daysSince1970(year, month, day) * 86_400_000
        if reader.isAtEnd { return midnight }

        guard reader.skip("T") || reader.skip("t") || reader.skip(" "),
            let hour = reader.number(2), reader.skip(":"), let minute = reader.number(2), reader.skip(":"),
            let second = reader.number(2), hour < 24, minute < 60, second <= 60
        else { return nil }
        guard let fraction = reader.fractionMilliseconds(), let offset = reader.offsetMinutes(), reader.isAtEnd else {
            return nil
        }
        // A leap second exists only at the end of a UTC day; it counts as the second before.
        if second == 60 && (hour * 60 + minute - offset + 1440) % 1440 != 1439 { return nil }
        let seconds = (hour * 60 + minute - offset) * 60 + min(second, 59)
        return midnight + Int64(seconds) * 1000 + Int64(fraction)
    }

    /// Writes `milliseconds` as `2026-01-21T10:30:45.123Z`; `textBytes` must be writable. Years 0 to 9999.
    public static func write(_ milliseconds: Int64, to target: UnsafeMutableRawPointer) {
        let clamped = min(max(milliseconds, -62_167_219_200_000), 253_402_300_799_999)
        var (days, rest) = clamped.quotientAndRemainder(dividingBy: 86_400_000)
        if rest < 0 { (days, rest) = (days - 1, rest + 86_400_000) }
        let (year, month, day) = civil(days)
        var place = 0
        func put(_ value: Int, _ digits: Int) {
            var value = value
            for digit in stride(from: digits - 1, through: 0, by: -1) {
                target.storeBytes(of: UInt8(ascii: "0") + UInt8(value % 10), toByteOffset: place + digit, as: UInt8.self)
                value /= 10
            }
            place += digits
        }
        func put(_ character: Unicode.Scalar) {
            target.storeBytes(of: UInt8(ascii: character), toByteOffset: place, as: UInt8.self)
            place += 1
        }
        let time = Int(rest)
        put(year, 4); put("-"); put(month, 2); put("-"); put(day, 2); put("T")
        put(time / 3_600_000, 2); put(":"); put(time / 60_000 % 60, 2); put(":"); put(time / 1000 % 60, 2)
        put("."); put(time % 1000, 3); put("Z")
        precondition(place == textBytes)
    }

    public static func text(_ milliseconds: Int64) -> String {
        String(unsafeUninitializedCapacity: textBytes) { buffer in
            write(milliseconds, to: UnsafeMutableRawPointer(buffer.baseAddress!))
            return textBytes
        }
    }

    /// Reads the form that every client's `toISOString` writes, eight characters at a time; nil for any other, valid or not.
    private static func usualMilliseconds(_ text: UnsafeRawBufferPointer) -> Int64? {
        guard text.count == textBytes, let start = text.baseAddress else { return nil }
        func eight(_ place: Int, _ separators: UInt64, _ separatorMask: UInt64) -> UInt64? {
            let word = UInt64(littleEndian: start.loadUnaligned(fromByteOffset: place, as: UInt64.self))
            guard word & separatorMask == separators else { return nil }
            // Zeros in place of the separators; then every byte is to be a digit: its upper half 3, and no carry from adding 6.
            let digits = word & ~separatorMask | 0x3030_3030_3030_3030 & separatorMask
            let isAllDigits =
                digits & 0xF0F0_F0F0_F0F0_F0F0 == 0x3030_3030_3030_3030
                && (digits &+ 0x0606_0606_0606_0606) & 0xF0F0_F0F0_F0F0_F0F0 == 0x3030_3030_3030_3030
            return isAllDigits ? digits & 0x0F0F_0F0F_0F0F_0F0F : nil
        }
        // "2026-01-", "21T10:30", ":45.123Z"; a byte of a separator has all bits in its mask.
        guard let date = eight(0, 0x2D00_002D_0000_0000, 0xFF00_00FF_0000_0000),
            let middle = eight(8, 0x0000_3A00_0054_0000, 0x0000_FF00_00FF_0000),
            let end = eight(16, 0x5A00_0000_2E00_003A, 0xFF00_0000_FF00_00FF)
        else { return nil }
        func digit(_ word: UInt64, _ place: UInt64) -> Int { Int(word &>> (place &* 8) & 0xF) }
        func two(_ word: UInt64, _ place: UInt64) -> Int { digit(word, place) &* 10 &+ digit(word, place &+ 1) }
        let (year, month, day) = (two(date, 0) &* 100 &+ two(date, 2), two(date, 5), two(middle, 0))
        let (hour, minute, second) = (two(middle, 3), two(middle, 6), two(end, 1))
        let fraction = digit(end, 4) &* 100 &+ two(end, 5)
        guard (1...12).contains(month), day >= 1, day <= 28 || day <= daysInMonth(year, month), hour < 24, minute < 60,
            second < 60
        else { return nil }
        let seconds = (hour &* 60 &+ minute) &* 60 &+ second
        return daysSince1970(year, month, day) * 86_400_000 + Int64(seconds &* 1000 &+ fraction)
    }

    // MARK: The calendar (proleptic Gregorian; Howard Hinnant's day algorithms)

    private static func daysSince1970(_ year: Int, _ month: Int, _ day: Int) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return Int64(era * 146_097 + dayOfEra - 719_468)
    }

    private static func civil(_ days: Int64) -> (year: Int, month: Int, day: Int) {
        let shifted = Int(days) + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthShifted = (5 * dayOfYear + 2) / 153
        let month = monthShifted < 10 ? monthShifted + 3 : monthShifted - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * monthShifted + 2) / 5 + 1)
    }

    private static func daysInMonth(_ year: Int, _ month: Int) -> Int {
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        return switch month {
        case 2: isLeap ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    private struct Reader {
        let text: UnsafeRawBufferPointer
        var position = 0

        var isAtEnd: Bool { position == text.count }

        mutating func skip(_ character: Unicode.Scalar) -> Bool {
            guard position < text.count, text[position] == UInt8(ascii: character) else { return false }
            position += 1
            return true
        }

        mutating func number(_ digits: Int) -> Int? {
            guard position + digits <= text.count else { return nil }
            var value = 0
            for place in position..<position + digits {
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(text[place]) else { return nil }
                value = value * 10 + Int(text[place] - UInt8(ascii: "0"))
            }
            position += digits
            return value
        }

        /// 0 where there is no fraction; nil where a point has no digit behind it.
        mutating func fractionMilliseconds() -> Int? {
            guard skip(".") else { return 0 }
            var value = 0
            var digits = 0
            while let digit = number(1) {
                if digits < 3 { value = value * 10 + digit }
                digits += 1
            }
            guard digits > 0 else { return nil }
            for _ in min(digits, 3)..<3 { value *= 10 }
            return value
        }

        mutating func offsetMinutes() -> Int? {
            if skip("Z") || skip("z") { return 0 }
            let sign = skip("+") ? 1 : skip("-") ? -1 : 0
            guard sign != 0, let hours = number(2), skip(":"), let minutes = number(2), hours < 24, minutes < 60 else {
                return nil
            }
            return sign * (hours * 60 + minutes)
        }
    }
}
