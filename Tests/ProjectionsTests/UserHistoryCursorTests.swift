import Projections
import Testing

@Suite struct UserHistoryCursorTests {
    @Test func itsTextComesBack() {
        let cursor = UserHistoryCursor(
            time: 1_795_907_490_646, partition: 11, offset: 9_007_199_254_740_993, asOf: 1_795_907_490_700)
        #expect(UserHistoryCursor(cursor.text) == cursor)
    }

    @Test(arguments: [
        "", "1", "1.2.3", "1.2.3.4.5", "a.b.c.d", "1.-2.3.4", "1.2.-3.4", "+1.2.3.4", "1..3.4", "1.99999999999.3.4",
    ])
    func whatIsNoneIsRefused(_ text: String) { #expect(UserHistoryCursor(text) == nil) }
}
