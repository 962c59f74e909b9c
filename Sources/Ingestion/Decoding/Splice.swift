internal import EventModel
internal import RecordFormat

/// The stored event: the client's own bytes with the server's members spliced in. Collects the changes to one event, then
/// writes the result in one pass; keeps its memory for the next event.
package struct Splice: ~Copyable {
    private struct Edit {
        let range: Range<Int>
        let newStart: Int
        let newEnd: Int
    }

    private var edits: [Edit] = []
    /// The new bytes of all edits, one behind the other.
    private var fresh = GrowableBytes()
    private var delta = 0

    package init() {}

    // MARK: Collecting; ranges count from the first byte of the text

    mutating func begin() {
        edits.removeAll(keepingCapacity: true)
        fresh.removeAll()
        delta = 0
    }

    /// Replaces the bytes of `range` by what `write` appends.
    mutating func replace(_ range: Range<Int>, _ write: (inout GrowableBytes) -> Void) {
        let start = fresh.count
        write(&fresh)
        let edit = Edit(range: range, newStart: start, newEnd: fresh.count)
        delta += (edit.newEnd - edit.newStart) - range.count
        // Few and nearly in order.
        edits.append(edit)
        var place = edits.count - 1
        while place > 0, edits[place - 1].range.lowerBound > range.lowerBound {
            edits.swapAt(place - 1, place)
            place -= 1
        }
    }

    /// Adds members, which `write` appends each with a comma before it, at the end of a non-empty `object`.
    mutating func appendMembers(to object: JSONValue, _ write: (inout GrowableBytes) -> Void) {
        let end = object.sourceRange.upperBound - 1
        replace(end..<end, write)
    }

    /// Removes members, their commas included, from an object that has others too. One that has several is gone through once: what
    /// is removed beside each other is one edit.
    mutating func removeMembers(from object: JSONValue, where isRemoved: (_ value: JSONValue) -> Bool) {
        var keptEnd: Int?
        /// From the first of the members that are being removed, to the end of the last.
        var removed: Range<Int>?
        for (key, value) in object.members {
            if isRemoved(value) {
                removed = (removed?.lowerBound ?? keptEnd ?? key.sourceRange.lowerBound)..<value.sourceRange.upperBound
                continue
            }
            if let range = removed {
                // Before the first that stays, the comma behind goes, not the one before.
                replace(keptEnd == nil ? range.lowerBound..<key.sourceRange.lowerBound : range) { _ in }
                removed = nil
            }
            keptEnd = value.sourceRange.upperBound
        }
        if let removed { replace(removed) { _ in } }
    }

    /// Replaces name and value of a member.
    mutating func replaceMember(_ value: JSONValue, of object: JSONValue, _ write: (inout GrowableBytes) -> Void) {
        for (key, found) in object.members where found.sourceRange.lowerBound == value.sourceRange.lowerBound {
            return replace(key.sourceRange.lowerBound..<found.sourceRange.upperBound, write)
        }
    }

    // MARK: Writing

    /// The length of the result, in bytes.
    func byteCount(of event: JSONValue) -> Int { event.sourceRange.count + delta }

    /// Appends the result to `target`.
    func write(_ event: JSONValue, to target: inout GrowableBytes) {
        let source = event.source
        let origin = event.sourceRange.lowerBound
        var position = 0
        for edit in edits {
            let start = edit.range.lowerBound - origin
            target.append(copying: UnsafeRawBufferPointer(rebasing: source[position..<start]))
            target.append(copying: UnsafeRawBufferPointer(rebasing: fresh.bytes[edit.newStart..<edit.newEnd]))
            position = edit.range.upperBound - origin
        }
        target.append(copying: UnsafeRawBufferPointer(rebasing: source[position...]))
    }
}
