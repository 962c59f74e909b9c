import Collector
import Foundation
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

@Suite struct AnswerTests {
    @Test func anAnswerIsWhatGoesOverTheWire() {
        var answer = Answer(.unauthorized, body: Array(#"{"code":"x"}"#.utf8))
        answer.fields.append(("WWW-Authenticate", "Basic"))
        let date = HTTPDate.text(784_111_777_999)
        let common =
            "HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nContent-Length: 12\r\n"
            + "WWW-Authenticate: Basic\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
        #expect(String(buffer: answer.bytes(date: date)) == common + "\r\n{\"code\":\"x\"}")
        answer.isLast = true
        #expect(String(buffer: answer.bytes(date: date)) == common + "Connection: close\r\n\r\n{\"code\":\"x\"}")
    }

    @Test(arguments: [
        (Int64.min, "Thu, 01 Jan 1970 00:00:00 GMT"), (-1, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (Int64.max, "Fri, 31 Dec 9999 23:59:59 GMT"),
    ])
    func aClockThatIsFarOffStillGivesADate(_ milliseconds: Int64, _ date: String) {
        #expect(HTTPDate.text(milliseconds) == Array(date.utf8))
    }

    @Test(arguments: 1...100)
    func datesAreThoseOfAnotherImplementation(_ seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        let milliseconds = Int64.random(in: 0..<253_402_300_800_000, using: &random)
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(identifier: "GMT")
        formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
        let expected = formatter.string(from: Date(timeIntervalSince1970: Double(milliseconds / 1000)))
        #expect(HTTPDate.text(milliseconds) == Array(expected.utf8))
    }
}
