/// What became of messages that were published on a channel in confirm mode: an account without I/O.
///
/// The broker numbers what it is given from 1 on, and tells of each number once: taken (ack) or refused (nack), alone or with all before it. A
/// message that reaches no queue it sends back first, and then confirms all the same.
package struct PublishWindow {
    package enum Outcome: Equatable {
        case confirmed
        /// It could not take it.
        case refused
        /// No queue is bound for it.
        case unroutable
    }

    /// Messages without an outcome, and what they may take together.
    package static let messagesMax = 4096
    package static let bytesMax = 4 << 20

    private struct Sent {
        let message: Int
        let id: [UInt8]
        let byteCount: Int
        var isReturned = false
        var isSettled = false
    }

    package init() {}

    /// Those from `first` on.
    private var sent: [Sent] = []
    /// The number of the first of `sent`.
    private var first: UInt64 = 1
    /// All of `sent` before it are settled.
    private var settledCount = 0
    package private(set) var waitingCount = 0
    private var waitingBytes = 0

    /// Whether another one may be sent. One may always be alone.
    package var hasRoom: Bool { waitingCount == 0 || waitingCount < Self.messagesMax && waitingBytes < Self.bytesMax }

    /// - Parameter message: the caller's own number of it.
    package mutating func add(message: Int, id: some Sequence<UInt8>, byteCount: Int) {
        sent.append(Sent(message: message, id: Array(id), byteCount: byteCount))
        waitingCount += 1
        waitingBytes += byteCount
    }

    /// The broker has sent one back.
    package mutating func returned(id: some Sequence<UInt8>) {
        // Messages of one id have one way to go: which of them it is makes no difference.
        let id = Array(id)
        if let place = sent[settledCount...].firstIndex(where: { !$0.isSettled && !$0.isReturned && $0.id == id }) {
            sent[place].isReturned = true
        }
    }

    /// The broker has taken number `tag`, or refused it; with `isMultiple` all before it too. Calls `body` with each message and its outcome.
    package mutating func settle(_ tag: UInt64, isMultiple: Bool, isTaken: Bool, _ body: (_ message: Int, Outcome) -> Void) {
        // 0 with `isMultiple` means all (AMQP 0-9-1); a number that was not given yet is none of ours.
        let last = isMultiple && tag == 0 ? sent.count - 1 : Int(clamping: tag &- first)
        guard last >= 0, last < sent.count else { return }
        guard !isMultiple || settledCount <= last else { return }
        for place in (isMultiple ? settledCount : last)...last where !sent[place].isSettled {
            sent[place].isSettled = true
            waitingCount -= 1
            waitingBytes -= sent[place].byteCount
            body(sent[place].message, sent[place].isReturned ? .unroutable : isTaken ? .confirmed : .refused)
        }
        forgetSettled()
    }

    private mutating func forgetSettled() {
        while settledCount < sent.count, sent[settledCount].isSettled { settledCount += 1 }
        // In pieces, so that the rest is not moved for each one.
        guard settledCount == sent.count || settledCount > Self.messagesMax / 4 else { return }
        sent.removeFirst(settledCount)
        first += UInt64(settledCount)
        settledCount = 0
    }
}
