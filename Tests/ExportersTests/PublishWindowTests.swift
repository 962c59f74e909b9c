import Exporters
import Testing

/// What a broker says of the messages that it was given.
@Suite struct PublishWindowTests {
    private struct Told: Equatable {
        let message: Int
        let outcome: PublishWindow.Outcome
    }

    private func window(_ count: Int) -> PublishWindow {
        var window = PublishWindow()
        for message in 0..<count { window.add(message: message * 10, id: Array("id\(message)".utf8), byteCount: 100) }
        return window
    }

    private func settle(_ window: inout PublishWindow, _ tag: UInt64, multiple: Bool = false, taken: Bool = true) -> [Told] {
        var told: [Told] = []
        window.settle(tag, isMultiple: multiple, isTaken: taken) { told.append(Told(message: $0, outcome: $1)) }
        return told
    }

    @Test func eachIsToldOnceWhateverTheOrder() {
        var window = window(5)
        #expect(settle(&window, 3) == [Told(message: 20, outcome: .confirmed)])
        #expect(settle(&window, 3).isEmpty)
        #expect(settle(&window, 1, taken: false) == [Told(message: 0, outcome: .refused)])
        #expect(settle(&window, 4, multiple: true).map(\.message) == [10, 30])
        #expect(window.waitingCount == 1)
        #expect(settle(&window, 2, multiple: true).isEmpty)
        #expect(settle(&window, 5).map(\.message) == [40])
        #expect(window.waitingCount == 0)
    }

    @Test func zeroMeansAllOfThem() {
        var window = window(3)
        #expect(settle(&window, 0, multiple: true, taken: false).map(\.outcome) == [.refused, .refused, .refused])
        #expect(settle(&window, 0, multiple: true).isEmpty)
    }

    @Test func whatWasNeverGivenIsNothing() {
        var window = window(2)
        #expect(settle(&window, 3).isEmpty)
        #expect(settle(&window, .max, multiple: true).isEmpty)
        #expect(settle(&window, 0).isEmpty)
        #expect(window.waitingCount == 2)
    }

    @Test func whatCameBackReachedNoQueue() {
        var window = PublishWindow()
        for (message, id) in ["a", "b", "a"].enumerated() { window.add(message: message, id: Array(id.utf8), byteCount: 1) }
        window.returned(id: Array("a".utf8))
        window.returned(id: Array("unknown".utf8))
        #expect(
            settle(&window, 3, multiple: true) == [
                Told(message: 0, outcome: .unroutable), Told(message: 1, outcome: .confirmed),
                Told(message: 2, outcome: .confirmed),
            ])
    }

    @Test func numbersGoOnBehindThoseThatAreForgotten() {
        var window = PublishWindow()
        var told: [Int] = []
        for tag in 1...20_000 {
            window.add(message: tag, id: [], byteCount: 1)
            if tag % 3 == 0 { window.settle(UInt64(tag), isMultiple: true, isTaken: true) { message, _ in told.append(message) } }
        }
        #expect(told == Array(1...19_998))
        #expect(window.waitingCount == 2)
    }

    @Test func thereIsRoomForSoManyAndSoMuch() {
        var window = PublishWindow()
        #expect(window.hasRoom)
        window.add(message: 0, id: [], byteCount: PublishWindow.bytesMax * 2)
        #expect(!window.hasRoom)
        _ = settle(&window, 1)
        // One that is larger than all may be alone.
        #expect(window.hasRoom)
        for message in 1...PublishWindow.messagesMax { window.add(message: message, id: [], byteCount: 1) }
        #expect(!window.hasRoom)
        _ = settle(&window, 2)
        #expect(window.hasRoom)
    }
}
