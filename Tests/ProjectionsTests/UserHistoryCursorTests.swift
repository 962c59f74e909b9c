import Foundation
import Projections
import Testing

@Suite struct UserHistoryCursorTests {
    private let cursor = UserHistoryCursor(
        time: 1_795_907_490_646, partition: 2, offset: 9_007_199_254_740_993, cut: LogCut(ends: [0, 300, .max]))

    @Test func itsTextComesBack() {
        #expect(UserHistoryCursor(cursor.text, partitionCount: 3) == cursor)
        #expect(
            cursor.text.utf8.allSatisfy { "-_".utf8.contains($0) || isalnum(Int32($0)) != 0 }, "it goes into an address as it is")
    }

    @Test func ofTwelvePartitionsItIsShort() {
        let cursor = UserHistoryCursor(
            time: 1_795_907_490_646, partition: 11, offset: 4_000_000, cut: LogCut(ends: Array(repeating: 4_000_001, count: 12)))
        #expect(cursor.text.utf8.count < 100)
    }

    @Test(arguments: [2, 4]) func ofAnotherNumberOfPartitionsItIsRefused(_ count: Int) {
        #expect(UserHistoryCursor(cursor.text, partitionCount: count) == nil)
    }

    @Test func cutOffItIsRefused() {
        for length in 0..<cursor.text.count {
            #expect(UserHistoryCursor(String(cursor.text.prefix(length)), partitionCount: 3) == nil, "\(length)")
        }
    }

    @Test(arguments: [
        // Another version, a partition that there is not, a number of too many bits, and what is no Base64 for addresses.
        [2, 0, 0, 0, 0, 0, 0], [1, 0, 3, 0, 0, 0, 0], [1, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 0, 0, 0],
    ])
    func whatIsNoneIsRefused(_ bytes: [UInt8]) {
        let text = Data(bytes).base64EncodedString().replacingOccurrences(of: "=", with: "").replacingOccurrences(
            of: "/", with: "_")
        #expect(UserHistoryCursor(text, partitionCount: 3) == nil)
    }

    @Test(arguments: ["", "1.2.3.4", "é", "A A", "===="])
    func whatIsNoTextOfOneIsRefused(_ text: String) { #expect(UserHistoryCursor(text, partitionCount: 3) == nil) }
}
