/// The answers of a connection in the order of its requests, whichever of them is there first.
package struct AnswerQueue<Answer> {
    private var slots: [Answer?] = []
    /// The number of the first slot.
    private var first = 0

    package init() {}

    package var count: Int { slots.count }

    /// The number of the next request.
    package mutating func reserve() -> Int {
        slots.append(nil)
        return first + slots.count - 1
    }

    /// Takes the answer to the request with this number; returns what can be sent now.
    package mutating func fill(_ number: Int, _ answer: Answer) -> [Answer] {
        slots[number - first] = answer
        var ready: [Answer] = []
        while let next = slots.first, let answer = next {
            ready.append(answer)
            slots.removeFirst()
            first += 1
        }
        return ready
    }
}
