import EventLog
import Testing

@Suite struct SipHash128Tests {
    /// The reference implementation's vectors: key 00..0f, messages of the bytes 00, 01, ... of growing length.
    @Test(arguments: [
        (0, "a3817f04ba25a8e66df67214c7550293"), (1, "da87c1d86b99af44347659119b22fc45"),
        (2, "8177228da4a45dc7fca38bdef60affe4"), (7, "a1f1ebbed8dbc153c0b84aa61ff08239"),
        (8, "3b62a9ba6258f5610f83e264f31497b4"), (15, "5493e99933b0a8117e08ec0f97cfc3d9"),
    ])
    func hashesAreTheReferenceImplementations(_ length: Int, _ expected: String) {
        let key = SipHash128.Key(k0: 0x0706_0504_0302_0100, k1: 0x0f0e_0d0c_0b0a_0908)
        let message = (0..<length).map { UInt8($0) }
        let (first, second) = message.withUnsafeBytes { SipHash128.hash($0, key: key) }
        let bytes = [first, second].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64($0 * 8)) } }
        #expect(bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() == expected)
    }
}

@Suite struct TopicNameTests {
    @Test(arguments: ["okla.events.raw", "a", "A-b_c.9", String(repeating: "x", count: 249)])
    func kafkasNamesAreTaken(_ name: String) { #expect(TopicName(name)?.text == name) }

    @Test(arguments: ["", ".", "..", "a/b", "../x", "a b", "ñ", "a\u{0}", String(repeating: "x", count: 250)])
    func whatKafkaRefusesOrAFolderMustNotBeIsRefused(_ name: String) { #expect(TopicName(name) == nil) }
}
