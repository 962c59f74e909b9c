import Collector
import Foundation
import TestSupport
import Testing

@Suite struct RequestCredentialsTests {
    @Test(arguments: 0...60)
    func base64ReadsWhatFoundationWrites(_ length: Int) {
        var random = SeededGenerator(seed: UInt64(length))
        let bytes = random.bytes(length)
        let text = Data(bytes).base64EncodedString()
        #expect(Base64.decode(text.utf8) == bytes)
        #expect(Base64.decode(text.filter { $0 != "=" }.utf8) == bytes)
    }

    @Test(arguments: ["a", "ab-_", "a b", "ab=c", "é"])
    func whatIsNotBase64IsRefused(_ text: String) { #expect(Base64.decode(text.utf8) == nil) }

    @Test(arguments: [
        ("Basic a2V5Og==", "key"), ("basic a2V5OnBhc3M=", "key"), ("Basic a2V5", "key"), ("Basic Og==", ""),
    ])
    func theUserIsTheKey(_ header: String, _ user: String) { #expect(RequestCredentials.basicUser(header) == user) }

    @Test(arguments: ["Bearer a2V5Og==", "Basic", "Basic !!!!", ""])
    func otherAuthorizationsGiveNoKey(_ header: String) { #expect(RequestCredentials.basicUser(header) == nil) }
}
