import Collector
import NIOCore
import Testing

@Suite struct BodyCollectionTests {
    @Test func aBodyInOnePieceIsNotCopied() {
        let piece = ByteBuffer(repeating: 7, count: 1000)
        var collection = BodyCollection(bytesMax: 1000)
        let isTaken = collection.add(piece)
        #expect(isTaken)
        let (before, after) = (piece, collection.bytes)
        #expect(before.withUnsafeReadableBytes { $0.baseAddress } == after.withUnsafeReadableBytes { $0.baseAddress })
    }

    @Test func piecesAreJoinedInTheirOrder() {
        var collection = BodyCollection(bytesMax: 1000)
        for byte in 0..<100 {
            let isTaken = collection.add(ByteBuffer(bytes: [UInt8(byte)]))
            #expect(isTaken)
        }
        #expect(Array(collection.bytes.readableBytesView) == Array(0..<100))
    }

    @Test func oneByteTooManyIsNotTaken() {
        var collection = BodyCollection(bytesMax: 10)
        for (count, expected) in [(6, true), (4, true), (1, false), (0, true)] {
            let isTaken = collection.add(ByteBuffer(repeating: 7, count: count))
            #expect(isTaken == expected)
        }
        #expect(collection.bytes.readableBytes == 10)
    }
}
