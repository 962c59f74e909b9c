/// An array that is never changed again, as the loops of a program read it: no check of its bounds in a release build, no count of
/// references. Its places come from the compiler of schemas alone; what an event says is never one.
struct FixedTable<Element: BitwiseCopyable> {
    private let elements: UnsafeMutableBufferPointer<Element>

    init(_ elements: [Element]) {
        self.elements = .allocate(capacity: elements.count)
        _ = self.elements.initialize(from: elements)
    }

    func deallocate() { elements.deallocate() }

    @inline(__always)
    subscript(place: Int) -> Element { elements[place] }
}

extension FixedTable<UInt8> {
    @inline(__always)
    func bytes(_ start: Int, _ count: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(elements)[start..<start + count])
    }
}
