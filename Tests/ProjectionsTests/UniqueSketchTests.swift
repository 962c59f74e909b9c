import Projections
import TestSupport
import Testing

@Suite struct UniqueSketchTests {
    private func sketch(_ hashes: some Sequence<UInt64>) -> UniqueSketch {
        var sketch = UniqueSketch()
        for hash in hashes { sketch.insert(hash) }
        return sketch
    }

    private func hashes(_ count: Int, seed: UInt64) -> [UInt64] {
        var random = SeededGenerator(seed: seed)
        return (0..<count).map { _ in random.next() }
    }

    @Test func fewAreCountedExactly() {
        let all = hashes(UniqueSketch.exactMax, seed: 1)
        for count in [0, 1, 2, UniqueSketch.exactMax] {
            let sketch = sketch(all.prefix(count) + all.prefix(count))
            #expect(sketch.count == count)
            #expect(!sketch.isEstimate)
        }
    }

    /// The root of the mean square of the errors is what is said, by sampling to within a third.
    @Test(arguments: [257, 1000, 5000, 10_000, 12_000, 20_000, 200_000])
    func theErrorIsWhatIsSaid(count: Int) {
        let runs = 40
        var squares = 0.0
        for run in 0..<runs {
            let sketch = sketch(hashes(count, seed: UInt64(1000 * run + count)))
            #expect(sketch.isEstimate)
            let error = Double(sketch.count - count) / Double(count)
            #expect(abs(error) < 5 * UniqueSketch.standardError, "\(count) counted as \(sketch.count)")
            squares += error * error
        }
        #expect((squares / Double(runs)).squareRoot() < 1.34 * UniqueSketch.standardError)
    }

    @Test func orderRepetitionAndMergingChangeNothing() {
        for count in [100, 256, 257, 1000, 30_000] {
            let all = hashes(count, seed: UInt64(count))
            let whole = sketch(all)
            #expect(sketch(all.reversed() + all) == whole)
            for cut in [0, 1, count / 3, count / 2, count] {
                var merged = sketch(all[..<cut])
                merged.merge(sketch(all[max(0, cut - 50)...]))
                #expect(merged == whole, "\(count) cut at \(cut)")
            }
        }
    }

    @Test func itIsTheSameAfterItWasBytes() {
        for count in [0, 1, 256, 257, 5000] {
            let sketch = sketch(hashes(count, seed: 7))
            #expect(sketch.bytes.withUnsafeBytes(UniqueSketch.init) == sketch)
            #expect(sketch.bytes.count <= 4097)
        }
        let wrong: [[UInt8]] = [
            [], [0, 1], [2], [1, 0], [0] + Array(repeating: 1, count: 8 * 257), Array(repeating: 1, count: 4096),
        ]
        for bytes in wrong { #expect(bytes.withUnsafeBytes(UniqueSketch.init) == nil) }
    }
}
