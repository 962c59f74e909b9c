internal import LogStorage

extension SimulatedFileSystem.State {
    /// Of the files that have a name.
    var usedBytes: Int { names.values.reduce(0) { $0 + (inodes[$1]?.contents.count ?? 0) } }

    mutating func newInode() -> Int {
        let number = (inodes.keys.max() ?? 0) + 1
        inodes[number] = SimulatedInode()
        return number
    }

    mutating func apply(_ change: SimulatedFileSystem.NameChange) {
        switch change {
        case .link(let path, let number): durableNames[path] = number
        case .unlink(let path): durableNames[path] = nil
        case .rename(let path, let target, let number):
            durableNames[path] = nil
            durableNames[target] = number
        }
    }

    mutating func losePower() {
        // A journal keeps changes of names in order; how far it came is open. Or it keeps none, and each may be there.
        let inOrder = random.next() % 2 == 0
        let count = Int(random.next() % UInt64(pendingNames.count + 1))
        for (place, change) in pendingNames.enumerated() where inOrder ? place < count : random.next() % 2 == 0 {
            apply(change)
        }
        pendingNames = []
        names = durableNames
        for number in inodes.keys.sorted() {
            if names.values.contains(number) { inodes[number]!.losePower(&random) } else { inodes[number] = nil }
        }
    }

    /// Refuses calls of a machine that is down.
    func check(_ path: String) throws(FileError) {
        if isDown { throw SimulatedFileSystem.error("call for", path, 5, "the machine is down") }
    }

    /// Counts a call that changes something; it may fail.
    mutating func step(_ call: SimulatedFileSystem.Call, _ path: String) throws(FileError) {
        try check(path)
        steps += 1
        // Stopped before the call took effect, or behind it (`afterStep`).
        if steps == stopAtStep, random.next() % 2 == 0 {
            isDown = true
            try check(path)
        }
        if let odds = failureOdds[call], random.next() % odds == 0 {
            failures += 1
            throw SimulatedFileSystem.error("\(call)", path, 5, "Input/output error (simulated)")
        }
    }

    mutating func afterStep(_ path: String) throws(FileError) {
        if steps == stopAtStep {
            isDown = true
            try check(path)
        }
    }
}
