import EventLog
import KafkaBroker
import KafkaProtocol
import RecordFormat
import TestSupport
import Testing

@Suite struct BatchCheckTests {
    private let check = BatchCheck(messageBytesMax: 5000, latestTimestamp: 10_000, hasher: nil, allowsZstandard: true)

    private func batch(
        _ values: [String] = ["a", "b"], producer: (id: Int64, epoch: Int16, sequence: Int32)? = nil,
        change: (inout RecordBatchHeader) -> Void = { _ in }
    ) -> [UInt8] {
        var bytes = GrowableBytes()
        var header = WholeBatches.Batch(TopicHandle(index: 0), 0, values.map { ($0, 500) }, producer: producer).append(to: &bytes)
        change(&header)
        header.seal(bytes.base, byteCount: bytes.count)
        return Array(copying: bytes)
    }

    private func refusal(_ bytes: [UInt8], by check: BatchCheck? = nil) -> KafkaErrorCode? {
        var reader = RecordBatchReader()
        return bytes.withUnsafeBytes { bytes in
            do throws(BatchCheck.Refusal) {
                _ = try (check ?? self.check).check(bytes, &reader)
                return nil
            } catch {
                return error.code
            }
        }
    }

    @Test func aBatchOfAClientPasses() {
        #expect(refusal(batch()) == nil)
        #expect(refusal(batch(producer: (7, 0, 0))) == nil)
    }

    @Test func whatIsNoneIsRefused() {
        let whole = batch()
        #expect(refusal([]) == .corruptMessage)
        for count in [1, 60, 61, whole.count - 1] {
            #expect(refusal(Array(whole[..<count])) == .corruptMessage, "\(count) bytes")
        }
        #expect(refusal(whole + [0]) == .invalidRecord)
        #expect(refusal(whole + whole) == .invalidRecord)
        for place in RecordBatchHeader.checksumStart..<whole.count {
            var changed = whole
            changed[place] ^= 1
            #expect(refusal(changed) != nil, "byte \(place)")
        }
        var old = whole
        old[16] = 1
        #expect(refusal(old) == .unsupportedForMessageFormat)
    }

    @Test func whatItSaysOfItselfMustBeTrue() {
        #expect(refusal(batch { $0.maxTimestamp = 501 }) == .invalidTimestamp)
        #expect(refusal(batch { $0.maxTimestamp = 10_001 }) == .invalidTimestamp)
        #expect(refusal(batch { $0.attributes |= 8 }) == .invalidTimestamp)
        #expect(refusal(batch { $0.attributes |= 0x10 }) == .invalidRecord)
        #expect(refusal(batch { $0.attributes |= 0x20 }) != nil)
        #expect(refusal(batch { $0.attributes = $0.attributes & ~7 | 5 }) == .unsupportedCompressionType)
        #expect(refusal(batch { $0.attributes = $0.attributes & ~7 }) == .invalidRecord)
        #expect(refusal(batch { ($0.recordCount, $0.lastOffsetDelta) = (3, 2) }) == .invalidRecord)
        #expect(refusal(batch { ($0.recordCount, $0.lastOffsetDelta) = (1, 0) }) == .invalidRecord)
        #expect(refusal(batch { ($0.producerID, $0.producerEpoch, $0.baseSequence) = (7, -1, 0) }) == .invalidRecord)
        #expect(refusal(batch { ($0.producerID, $0.producerEpoch, $0.baseSequence) = (7, 0, -1) }) == .invalidRecord)
    }

    @Test func whatIsTooLargeIsRefusedBeforeItIsLookedAt() {
        #expect(refusal(Array(repeating: 0, count: 5001)) == .messageTooLarge)
    }

    @Test func zstandardIsForThoseWhoKnowIt() {
        let old = BatchCheck(messageBytesMax: 5000, latestTimestamp: 10_000, hasher: nil, allowsZstandard: false)
        #expect(refusal(batch { $0.attributes = $0.attributes & ~7 | 4 }, by: old) == .unsupportedCompressionType)
        #expect(refusal(batch(), by: old) == nil)
    }

    @Test func identitiesAreThoseOfTheRecords() throws {
        let hasher = RecordIdentityHasher(key: SipHash128.Key(k0: 1, k1: 2))
        let check = BatchCheck(messageBytesMax: 5000, latestTimestamp: 10_000, hasher: hasher, allowsZstandard: true)
        var reader = RecordBatchReader()
        let identities = batch(["a", "b"]).withUnsafeBytes { try? check.check($0, &reader).identities }
        #expect(identities == ["a", "b"].map { text in Array(text.utf8).withUnsafeBytes { hasher.identity(of: $0) } })
    }
}
