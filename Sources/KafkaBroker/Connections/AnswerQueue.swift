/// The answers of a connection in the order of its requests, whichever of them is there first.
struct AnswerQueue<Answer> {
    private var slots: [Answer?] = []
    /// The number of the first slot.
    private var first = 0

    var count: Int { slots.count }

    /// The number of the next request.
    mutating func reserve() -> Int {
        slots.append(nil)
        return first + slots.count - 1
    }

    /// Takes the answer to the request with this number; returns what can be sent now.
    mutating func fill(_ number: Int, _ answer: Answer) -> [Answer] {
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
