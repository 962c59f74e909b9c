import RecordFormat
import Testing

@Suite struct GzipTests {
    static func inflated(_ bytes: [UInt8]) throws -> [UInt8] {
        var decompressor = RecordDecompressor()
        var output = GrowableBytes()
        try bytes.withUnsafeBytes { try decompressor.decompress($0, codec: 1, appendingTo: &output, limit: 1 << 20) }
        return Array(output.bytes)
    }

    @Test(arguments: [0, 1, 100, 100_000])
    func whatIsCompressedIsWhatItWas(count: Int) throws {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 3) }
        for effort in [Gzip.Effort.usual, .most] {
            #expect(try Self.inflated(Gzip.compress(bytes, effort: effort)) == bytes)
        }
    }

    @Test func whatRepeatsBecomesShort() {
        let text = Array(String(repeating: "what stands here again and again, ", count: 300).utf8)
        for effort in [Gzip.Effort.usual, .most] { #expect(Gzip.compress(text, effort: effort).count < text.count / 50) }
    }
}
