/// Finds the number of a name among some that never change.
public struct NameIndex: Sendable {
    private let names: [[UInt8]]
    private let marks: [NameMark]
    /// By the hash of the name, the next free slot where that is taken; -1 where there is none.
    private let slots: [Int32]

    /// - Parameter names: each of them once.
    public init(_ names: [String]) {
        precondition(Set(names.map(ExactText.init)).count == names.count)
        self.names = names.map { Array($0.utf8) }
        marks = names.map(NameMark.init(text:))
        var slotCount = 2
        while slotCount < 2 * names.count { slotCount *= 2 }
        var slots = Array(repeating: Int32(-1), count: slotCount)
        for (number, mark) in marks.enumerated() {
            var slot = mark.slot(of: slotCount)
            while slots[slot] >= 0 { slot = (slot + 1) & (slotCount - 1) }
            slots[slot] = Int32(number)
        }
        self.slots = slots
    }

    /// - Parameter name: a string of a `JSONView`, or as readable as one (`NameMark.readableBytes`).
    public func number(of name: UnsafeRawBufferPointer) -> Int? {
        let mark = NameMark(name)
        var slot = mark.slot(of: slots.count)
        while slots[slot] >= 0 {
            let number = Int(slots[slot])
            if marks[number] == mark, mark.isWhole || names[number].withUnsafeBytes({ $0.holdsSameBytes(as: name) }) {
                return number
            }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }
}
