internal import NIOCore

/// Whose turn it is on one connection. Requests of ours are answered here, whenever their answers are ready; all others go on to
/// the framework, which answers them one after the other. It does no I/O: what happens is told to it, and `next` says what is
/// to be done now.
///
/// Invariants:
/// 1. Answers leave in the order of their requests: one of ours when those of all requests before it have left, ours and the
///    framework's.
/// 2. What is for the framework goes on in the order in which it came, and when the answers to all of our requests before it
///    have left. So what ends a connection (its client's end, an error, a shutdown) is seen behind those answers.
/// 3. Each answer and each thing passed on comes out of `next` once.
package struct AnswerOrder<Answer, Passed> {
    /// A request of ours, by its place in all that came on its connection.
    package struct Turn: Equatable, Sendable {
        fileprivate let number: Int
    }

    package enum Step {
        case answer(Answer)
        case passOn(Passed)
    }

    private enum Entry {
        /// A request of ours without an answer so far.
        case owed
        case answered(Answer)
        case passed(Passed, beginsRequest: Bool)
    }

    private var waiting = CircularBuffer<Entry>(initialCapacity: 4)
    /// Of the first entry that waits.
    private var firstNumber = 0
    private var passedCount = 0
    /// Requests passed on whose answers have not ended.
    private var frameworkOwes = 0

    package init() {}

    /// Whether something for the framework waits for our answers.
    package var isHoldingBack: Bool { passedCount > 0 }

    /// Whether the framework owes no answer.
    package var frameworkIsIdle: Bool { frameworkOwes == 0 }

    /// A request of ours came.
    package mutating func begin() -> Turn {
        waiting.append(.owed)
        return Turn(number: firstNumber + waiting.count - 1)
    }

    /// Its answer is ready.
    package mutating func answer(_ turn: Turn, _ answer: Answer) {
        let place = waiting.index(waiting.startIndex, offsetBy: turn.number - firstNumber)
        guard case .owed = waiting[place] else { preconditionFailure("a request has one answer") }
        waiting[place] = .answered(answer)
    }

    /// Whether its answer has not left.
    package func isWaiting(_ turn: Turn) -> Bool { turn.number >= firstNumber }

    /// Something for the framework came.
    package mutating func passOn(_ passed: Passed, beginsRequest: Bool = false) {
        waiting.append(.passed(passed, beginsRequest: beginsRequest))
        passedCount += 1
    }

    /// An answer of the framework has ended. It may be one that no request asked for: to what is no HTTP.
    package mutating func frameworkAnswered() { frameworkOwes = max(0, frameworkOwes - 1) }

    /// What is to be done now; nil: nothing. While `mayAnswer` is false, answers stay.
    package mutating func next(mayAnswer: Bool = true) -> Step? {
        switch waiting.first {
        case .answered(let answer) where mayAnswer && frameworkOwes == 0:
            remove()
            return .answer(answer)
        case .passed(let passed, let beginsRequest):
            remove()
            passedCount -= 1
            if beginsRequest { frameworkOwes += 1 }
            return .passOn(passed)
        case .owed, .answered, nil:
            return nil
        }
    }

    private mutating func remove() {
        waiting.removeFirst()
        firstNumber += 1
    }
}
