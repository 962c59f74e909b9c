import Foundation
import RecordFormat

/// Records as ingestion makes them of events of about 770 bytes, one behind the other. Made once, and there until the program ends:
/// counting references to them, from several threads at once, would be measured as if the log did it.
struct BenchRecords: @unchecked Sendable {
    // Sendable: nobody writes to them any more.

    let bodies: [UnsafeRawBufferPointer]

    init(_ count: Int) {
        bodies = (0..<count).map { number in
            let body = Self.body(number)
            let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: body.count, alignment: 1)
            copy.copyBytes(from: body)
            return UnsafeRawBufferPointer(copy)
        }
    }

    /// The body of the record with this number; they begin anew where all were used.
    subscript(number: Int) -> UnsafeRawBufferPointer { bodies[number % bodies.count] }

    /// splitmix64: evenly spread, and different for different numbers.
    static func mixed(_ number: UInt64) -> UInt64 {
        var z = number &+ 0x9E37_79B9_7F4A_7C15
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// Key, value and three headers.
    private static func body(_ number: Int) -> [UInt8] {
        var target = GrowableBytes()
        func field(_ text: String) {
            Array(text.utf8).withUnsafeBytes { RecordBody.appendField($0, to: &target) }
        }
        let id = UUID().uuidString.lowercased()
        field("user-\(number * 7919 % 50_000)")
        field(
            """
            {"event":"vehicle_view","timestamp":"2026-01-21T10:\(10 + number % 50):00.\(100 + number % 900)Z","messageId":"\(id)",\
            "context":{"page":{"url":"https://okla.com.do/vehiculo/toyota-rav4-\(number)","title":"Toyota RAV4 XLE 2024 - OKLA",\
            "referrer":"https://google.com"},"userAgent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like \
            Gecko) Chrome/120.0.0.0 Safari/537.36","locale":"es-DO","timezone":"America/Santo_Domingo","screen":{"width":1920,\
            "height":1080},"campaign":{"source":"google","medium":"cpc","campaign":"q1-suv","term":"toyota rav4","content":\
            "ad-variant-a"},"ip":"127.0.0.1"},"userId":"user-\(number * 7919 % 50_000)","anonymousId":"anon-\(number * 31 % 60_000)",\
            "sessionId":"session-\(number * 17 % 90_000)","properties":{"vehicleId":"vehicle-\(number)","source":"home","position":3},\
            "receivedAt":"2026-01-21T10:30:45.123Z"}
            """)
        RecordBody.appendHeaderCount(3, to: &target)
        for (name, value) in [("event", "vehicle_view"), ("messageId", id), ("writeKey", "default")] {
            field(name)
            field(value)
        }
        return Array(copying: target)
    }
}
