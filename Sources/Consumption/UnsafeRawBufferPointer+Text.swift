extension UnsafeRawBufferPointer {
    /// Whether these are the bytes of a text.
    func isText(_ text: StaticString) -> Bool {
        count == text.utf8CodeUnitCount
            && elementsEqual(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }
}
