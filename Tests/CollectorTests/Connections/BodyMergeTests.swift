import Collector
import NIOCore
import Testing

@Suite struct BodyMergeTests {
    @Test func smallPiecesBecomeOne() {
        var merge = BodyMerge()
        for byte in 0..<200 { #expect(merge.add(ByteBuffer(bytes: [UInt8(byte)])) == nil) }
        #expect(merge.take() == ByteBuffer(bytes: Array(0..<200)))
        #expect(merge.take() == nil)
    }

    @Test func largePiecesAreHandedOnInTheirOrder() {
        let large = ByteBuffer(repeating: 7, count: BodyMerge.pieceBytesMax + 1)
        var merge = BodyMerge()
        #expect(merge.add(large) == nil)
        #expect(merge.add(large) == large)
        #expect(merge.add(ByteBuffer(bytes: [1])) == nil)
        #expect(merge.take() == ByteBuffer(bytes: Array(large.readableBytesView) + [1]))
    }
}
