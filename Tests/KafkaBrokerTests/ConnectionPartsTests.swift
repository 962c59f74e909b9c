import KafkaBroker
import NIOCore
import Synchronization
import Testing

@Suite struct ConnectionPartsTests {
    private func bytes(_ values: [UInt8]) -> ByteBuffer { ByteBuffer(bytes: values) }

    @Test func requestsAreCutWhereverTheBytesAreCut() {
        let requests: [[UInt8]] = [Array(1...8), Array(1...20), Array(repeating: 7, count: 300)]
        let stream: [UInt8] = requests.flatMap { request -> [UInt8] in
            [0, 0, UInt8(request.count >> 8), UInt8(request.count & 0xFF)] + request
        }
        for step in [1, 3, 7, 100, stream.count] {
            var frames = RequestFrames()
            var found: [[UInt8]] = []
            for start in stride(from: 0, to: stream.count, by: step) {
                frames.append(bytes(Array(stream[start..<min(start + step, stream.count)])))
                while case .length(let length, true) = frames.next(bytesMax: 1000) {
                    found.append(Array(frames.take(length).readableBytesView))
                }
            }
            #expect(found == requests && frames.isEmpty)
        }
    }

    @Test func lengthsThatCannotBeAreRefusedAtOnce() {
        for length in [Int32.min, -1, 0, 7, 1001, .max] {
            var frames = RequestFrames()
            #expect(frames.next(bytesMax: 1000) == .unknown)
            var buffer = ByteBuffer()
            buffer.writeInteger(length)
            frames.append(buffer)
            guard case .refused = frames.next(bytesMax: 1000) else {
                Issue.record("a request of \(length) bytes is taken")
                continue
            }
        }
        var frames = RequestFrames()
        frames.append(bytes([0, 0, 0, 8, 1]))
        #expect(frames.next(bytesMax: 1000) == .length(8, isThere: false))
    }

    @Test func answersGoInTheOrderOfTheRequests() {
        var answers = AnswerQueue<String>()
        let numbers = (0..<4).map { _ in answers.reserve() }
        #expect(answers.fill(numbers[2], "c").isEmpty && answers.fill(numbers[1], "b").isEmpty)
        #expect(answers.fill(numbers[0], "a") == ["a", "b", "c"] && answers.count == 1)
        #expect(answers.fill(numbers[3], "d") == ["d"] && answers.fill(answers.reserve(), "e") == ["e"])
    }

    @Test func memoryIsGivenToWhoeverWaitsForLongest() {
        let budget = MemoryBudget(byteCountMax: 100)
        let granted = Mutex<[String]>([])
        func take(_ byteCount: Int, _ name: String) -> Bool {
            budget.take(byteCount) { granted.withLock { $0.append(name) } }
        }
        #expect(take(60, "a") && !take(50, "b") && !take(10, "c"), "nobody passes by whoever waits")
        budget.give(60)
        #expect(granted.withLock { $0 } == ["b", "c"] && budget.used == 60)
        // One that is larger than all is served when it is alone.
        #expect(!take(1000, "d"))
        budget.give(50)
        #expect(granted.withLock { $0 }.count == 2)
        budget.give(10)
        #expect(granted.withLock { $0 } == ["b", "c", "d"] && budget.used == 1000)
        budget.give(1000)
        #expect(budget.takeUpTo(500, atLeast: 0) == 100 && budget.takeUpTo(500, atLeast: 30) == 30 && budget.used == 130)
    }
}
