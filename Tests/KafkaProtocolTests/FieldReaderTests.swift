import KafkaProtocol
import TestSupport
import Testing

/// What somebody may send who means no good.
@Suite struct FieldReaderTests {
    private func read<Message: KafkaMessage>(_ type: Message.Type, _ bytes: [UInt8], version: Int16) throws(KafkaProtocolError)
        -> Message
    {
        try bytes.withUnsafeBytes { bytes -> Result<Message, KafkaProtocolError> in
            do throws(KafkaProtocolError) {
                return .success(try Message(reading: bytes, version: version))
            } catch {
                return .failure(error)
            }
        }.get()
    }

    @Test func aCountBeyondTheBytesIsRefusedAtOnce() {
        #expect(throws: KafkaProtocolError.truncated(needed: 0x7FFF_FFFF, available: 1, position: 0)) {
            try read(DeleteGroupsRequest.self, [0x7F, 0xFF, 0xFF, 0xFF, 0], version: 1)
        }
        #expect(throws: KafkaProtocolError.truncated(needed: 0xFFFF_FFFE, available: 1, position: 0)) {
            try read(DeleteGroupsRequest.self, [0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0], version: 2)
        }
    }

    /// A byte on the wire, and many in memory.
    @Test func elementsAreCountedOverAllArrays() {
        let names = 60_000
        let array = [UInt8(0), 0, UInt8(names >> 8), UInt8(names & 255)] + [UInt8](repeating: 0, count: names * 2)
        #expect(throws: Never.self) { try read(DeleteGroupsRequest.self, array, version: 1) }
        let topic: [UInt8] = [0, 0] + [0, 0, UInt8(names >> 8), UInt8(names & 255)] + [UInt8](repeating: 0, count: names * 4)
        #expect(throws: KafkaProtocolError.self) {
            try read(OffsetFetchRequest.self, [0, 0] + [0, 0, 0, 2] + topic + topic, version: 0)
        }
    }

    @Test func lengthsBelowNothingAreNone() {
        #expect(throws: KafkaProtocolError.negativeLength(-2, position: 0)) {
            try read(SASLHandshakeRequest.self, [0xFF, 0xFE], version: 0)
        }
        #expect(throws: KafkaProtocolError.missing(position: 0)) {
            try read(SASLHandshakeRequest.self, [0xFF, 0xFF], version: 0)
        }
        #expect(throws: KafkaProtocolError.negativeLength(-5, position: 0)) {
            try read(SASLAuthenticateRequest.self, [0xFF, 0xFF, 0xFF, 0xFB], version: 0)
        }
    }

    @Test func aTextIsUTF8() {
        #expect(throws: KafkaProtocolError.notUTF8(position: 2)) {
            try read(SASLHandshakeRequest.self, [0, 2, 0xC3, 0x28], version: 0)
        }
    }

    @Test(arguments: [[0xFF, 0xFF, 0xFF, 0xFF, 0xFF], [0xFF, 0xFF, 0xFF, 0xFF, 0x1F]])
    func aVarintHas32Bits(bytes: [UInt8]) {
        #expect(throws: KafkaProtocolError.malformedVarint(position: 0)) {
            try read(SASLAuthenticateRequest.self, bytes + [0, 0], version: 2)
        }
    }

    @Test func tagsOfALaterDayArePassedOver() throws {
        let bytes: [UInt8] = [2, 0x61, 2, 0x62, /* two tags */ 2, 0, 1, 9, 0x81, 1, 2, 8, 8]
        let request = try read(APIVersionsRequest.self, bytes, version: 3)
        #expect(request.clientSoftwareName == "a" && request.clientSoftwareVersion == "b")
        #expect(throws: KafkaProtocolError.self) {
            try read(APIVersionsRequest.self, [2, 0x61, 2, 0x62, 1, 0, 5, 1], version: 3)
        }
        let many: [UInt8] = [2, 0x61, 2, 0x62, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F]
        #expect(throws: KafkaProtocolError.tooManyElements(limit: FieldReader.elementsMax, position: 4)) {
            try read(APIVersionsRequest.self, many, version: 3)
        }
    }

    /// Bytes that somebody has changed are a message or an error, and never the end of the process.
    @Test(arguments: UInt64(1)...4)
    func changedBytesAreReadOrRefused(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var (read, refused) = (0, 0)
        for sample in MessageTests.samples where !sample.bytes.isEmpty {
            let type = try #require(MessageTests.byName[sample.name.lowercased()])
            for _ in 0..<8 {
                var bytes = sample.bytes
                for _ in 0...Int.random(in: 0...3, using: &random) {
                    let place = Int.random(in: bytes.indices, using: &random)
                    switch Int.random(in: 0..<4, using: &random) {
                    case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                    case 1: bytes[place] = [0, 0x7F, 0x80, 0xFF].randomElement(using: &random)!
                    case 2: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
                    default: if bytes.count > 1 { bytes.remove(at: place) }
                    }
                }
                do {
                    try bytes.withUnsafeBytes { _ = try type.init(reading: $0, version: sample.version) }
                    read += 1
                } catch is KafkaProtocolError { refused += 1 }
            }
        }
        #expect(read > 100 && refused > 1000)
    }
}
