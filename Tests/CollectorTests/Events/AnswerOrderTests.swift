import Collector
import TestSupport
import Testing

/// Answers are texts here, and what is passed on to the framework is too.
@Suite struct AnswerOrderTests {
    typealias Order = AnswerOrder<String, String>

    /// Everything that is to be done now.
    static func steps(_ order: inout Order, mayAnswer: Bool = true) -> [String] {
        var steps: [String] = []
        while let step = order.next(mayAnswer: mayAnswer) {
            switch step {
            case .answer(let answer): steps.append("answer \(answer)")
            case .passOn(let passed): steps.append("pass \(passed)")
            }
        }
        return steps
    }

    @Test func anAnswerLeavesAtOnceWhereNothingIsBeforeIt() {
        var order = Order()
        let turn = order.begin()
        #expect(Self.steps(&order) == [])
        order.answer(turn, "a")
        #expect(order.isWaiting(turn))
        #expect(Self.steps(&order) == ["answer a"])
        #expect(!order.isWaiting(turn))
    }

    @Test func answersThatAreReadyTooSoonWaitForThoseBeforeThem() {
        var order = Order()
        let turns = (0..<3).map { _ in order.begin() }
        order.answer(turns[2], "c")
        order.answer(turns[1], "b")
        #expect(Self.steps(&order) == [])
        order.answer(turns[0], "a")
        #expect(Self.steps(&order) == ["answer a", "answer b", "answer c"])
    }

    @Test func whatIsForTheFrameworkWaitsForOurAnswersBeforeIt() {
        var order = Order()
        let turn = order.begin()
        order.passOn("head", beginsRequest: true)
        order.passOn("end")
        #expect(order.isHoldingBack)
        #expect(Self.steps(&order) == [])
        order.answer(turn, "a")
        #expect(Self.steps(&order) == ["answer a", "pass head", "pass end"])
        #expect(!order.isHoldingBack)
    }

    @Test func ourAnswersWaitForTheFrameworksBeforeThem() {
        var order = Order()
        order.passOn("head", beginsRequest: true)
        order.passOn("head", beginsRequest: true)
        let turn = order.begin()
        #expect(Self.steps(&order) == ["pass head", "pass head"], "it orders its own")
        order.answer(turn, "a")
        #expect(Self.steps(&order) == [])
        order.frameworkAnswered()
        #expect(Self.steps(&order) == [])
        order.frameworkAnswered()
        #expect(Self.steps(&order) == ["answer a"])
    }

    @Test func anAnswerThatNoRequestAskedForIsNotCounted() {
        var order = Order()
        order.frameworkAnswered()
        order.passOn("head", beginsRequest: true)
        let turn = order.begin()
        order.answer(turn, "a")
        #expect(Self.steps(&order) == ["pass head"])
    }

    @Test func answersStayWhileTheyMayNotLeaveAndSoDoesWhatIsBehindThem() {
        var order = Order()
        let turn = order.begin()
        order.answer(turn, "a")
        order.passOn("end of input")
        #expect(Self.steps(&order, mayAnswer: false) == [])
        #expect(order.isWaiting(turn) && order.isHoldingBack)
        #expect(Self.steps(&order) == ["answer a", "pass end of input"])
    }

    /// Requests of both kinds come, and are answered, at random; the model is the plain list of them.
    @Test(arguments: 1...200)
    func theInvariantsHold(_ seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        var order = Order()
        var came: [String] = []
        var done: [String] = []
        var owed: [(turn: Order.Turn, name: String)] = []
        var frameworkOwes: [String] = []

        func act(mayAnswer: Bool) {
            while let step = order.next(mayAnswer: mayAnswer) {
                switch step {
                case .answer(let name):
                    #expect(frameworkOwes.isEmpty, "one of the framework's is before it")
                    done.append(name)
                case .passOn(let name):
                    if name.hasPrefix("request") { frameworkOwes.append(name) } else { done.append(name) }
                }
            }
        }
        for number in 0..<200 {
            switch Int.random(in: 0..<6, using: &random) {
            case 0:
                owed.append((order.begin(), "ours \(number)"))
                came.append("ours \(number)")
            case 1:
                order.passOn("request \(number)", beginsRequest: true)
                came.append("request \(number)")
            case 2 where !owed.isEmpty:
                let one = owed.remove(at: Int.random(in: 0..<owed.count, using: &random))
                order.answer(one.turn, one.name)
            case 3 where !frameworkOwes.isEmpty:
                done.append(frameworkOwes.removeFirst())
                order.frameworkAnswered()
            default: break
            }
            act(mayAnswer: Bool.random(using: &random))
            #expect(done == Array(came.prefix(done.count)), "in the order in which they came, each once")
        }
        for one in owed { order.answer(one.turn, one.name) }
        act(mayAnswer: true)
        while !frameworkOwes.isEmpty {
            done.append(frameworkOwes.removeFirst())
            order.frameworkAnswered()
            act(mayAnswer: true)
        }
        #expect(done == came)
        #expect(!order.isHoldingBack)
    }
}
