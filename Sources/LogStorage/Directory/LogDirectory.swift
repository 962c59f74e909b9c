package import EventLog

/// The folder that holds the partitions: its lock, `meta.properties`, the recovery points.
package struct LogDirectory: Sendable {
    package let path: String
    package let fileSystem: any FileSystem

    /// `meta.properties` and the recovery points are no larger: a line each for some ten thousand topics, or partitions.
    private static let textBytesMax = 4 << 20

    package init(_ path: String, fileSystem: any FileSystem = PosixFileSystem()) {
        self.path = path
        self.fileSystem = fileSystem
    }

    /// Makes the folder where it is missing and keeps every other process out until the lock is released.
    package func lock(processID: Int32) throws(LogError) -> any FileLock {
        try reporting { () throws(FileError) in
            try fileSystem.createDirectory(path)
            try fileSystem.syncDirectory(FileNames.parent(of: path))
        }
        switch try tryLock(processID: processID) {
        case .acquired(let lock): return lock
        case .held(let contents): throw inUse(Holder(contents))
        }
    }

    /// Throws where a service has the directory open. Changes nothing.
    package func refuseIfInUse() throws(LogError) {
        if let holder = try holder() { throw inUse(holder) }
    }

    /// The process that has the directory open; nil where none has. Changes nothing.
    package func holder() throws(LogError) -> Holder? {
        try reporting { () throws(FileError) in try fileSystem.lockContents(file(FileNames.lock)) }.map(Holder.init)
    }

    private func inUse(_ holder: Holder) -> LogError {
        LogError(.locked, "\(path) is in use by the process \(holder.processID); stop it first, or use another folder")
    }

    package enum Access {
        case acquired(any FileLock)
        case inUse(Holder)
    }

    /// The process that has the log open, and what it says of its partitions.
    package struct Holder: Sendable {
        package let processID: String
        /// A line for each partition that is not simply open and whole, beginning with the partition.
        package let troubles: [String]
        /// There was no room to say more, or to say anything.
        package let isIncomplete: Bool

        private static let cut = "..."

        package init(_ contents: String) {
            let lines = contents.split(separator: "\n").map(String.init)
            processID = lines.first ?? "unknown"
            isIncomplete = lines.isEmpty || lines.last == Self.cut
            troubles = lines.dropFirst().filter { $0 != Self.cut }
        }

        /// What a holder writes: as many of the lines as fit, and a sign where those are not all.
        package static func contents(processID: Int32, troubles: [String], byteCountMax: Int) -> String {
            var contents = "\(processID)\n"
            for (place, line) in troubles.enumerated() {
                let isLast = place == troubles.count - 1
                guard contents.utf8.count + line.utf8.count + 1 + (isLast ? 0 : cut.utf8.count + 1) <= byteCountMax else {
                    return contents + cut + "\n"
                }
                contents += line + "\n"
            }
            return contents
        }
    }

    /// Locks an existing directory; where a service holds it, says which.
    package func access(processID: Int32) throws(LogError) -> Access {
        switch try tryLock(processID: processID) {
        case .acquired(let lock): .acquired(lock)
        case .held(let holder): .inUse(Holder(holder))
        }
    }

    private func tryLock(processID: Int32) throws(LogError) -> LockOutcome {
        try reporting { () throws(FileError) in
            try fileSystem.lock(file(FileNames.lock), contents: "\(processID)\n")
        }
    }

    /// What the log was made with; nil where it is new.
    package func meta() throws(LogError) -> LogMeta? {
        let path = file(FileNames.meta)
        guard
            let bytes = try reporting({ () throws(FileError) in try fileSystem.contents(of: path, byteCountMax: Self.textBytesMax)
            })
        else { return nil }
        return try LogMeta(decoding: bytes, path: path)
    }

    /// The topics whose partitions' folders are there, and how many partitions each must have at least. Empty where the log is new.
    func topicsInFolders() throws(LogError) -> [(name: TopicName, partitionCount: Int)] {
        let names = try reporting { () throws(FileError) in try fileSystem.list(path) }
        var counts: [TopicName: Int] = [:]
        for name in names {
            guard let dash = name.lastIndex(of: "-"), let topic = TopicName(String(name[..<dash])),
                let number = Int(name[name.index(after: dash)...]), (0..<TopicDefinition.partitionsMax).contains(number)
            else { continue }
            counts[topic] = max(counts[topic] ?? 0, number + 1)
        }
        return counts.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// Whether a topic has taken batches that somebody else has made.
    func hasProducers(_ topic: TopicName, partitionCount: Int) throws(LogError) -> Bool {
        try reporting { () throws(FileError) in
            for number in 0..<partitionCount {
                let folder = directory(of: TopicPartition(topic, PartitionID(number)))
                guard try fileSystem.exists(folder) else { continue }
                if try fileSystem.list(folder).contains(where: { $0.hasSuffix(ProducerSnapshot.suffix) }) { return true }
            }
            return false
        }
    }

    package func write(_ meta: LogMeta) throws(LogError) {
        try reporting { () throws(FileError) in try fileSystem.replace(file(FileNames.meta), with: meta.encoded()) }
    }

    /// Makes the names in the folder durable.
    func sync() throws(LogError) {
        try reporting { () throws(FileError) in try fileSystem.syncDirectory(path) }
    }

    package func recoveryPoints() throws(LogError) -> RecoveryPoints {
        try reporting { () throws(FileError) in
            try fileSystem.contents(of: file(FileNames.recoveryPoints), byteCountMax: Self.textBytesMax)
                .map(RecoveryPoints.init(decoding:)) ?? RecoveryPoints()
        }
    }

    package func write(_ points: RecoveryPoints) throws(FileError) {
        try fileSystem.replace(file(FileNames.recoveryPoints), with: points.encoded())
    }

    /// The offsets before which records were deleted. Where the file is lost, they are there again as far as their segments are.
    func startOffsets() throws(LogError) -> [TopicPartition: Int64] {
        try reporting { () throws(FileError) in
            try fileSystem.contents(of: file(FileNames.startOffsets), byteCountMax: Self.textBytesMax)
                .flatMap { OffsetCheckpoint.decode($0) } ?? [:]
        }
    }

    func write(startOffsets: [TopicPartition: Int64]) throws(FileError) {
        try fileSystem.replace(file(FileNames.startOffsets), with: OffsetCheckpoint.encoded(startOffsets))
    }

    /// Removes the folders of a topic with everything in them.
    func removeFolders(of topic: TopicName, partitionCount: Int) throws(FileError) {
        for number in 0..<partitionCount {
            let folder = directory(of: TopicPartition(topic, PartitionID(number)))
            guard try fileSystem.exists(folder) else { continue }
            for name in try fileSystem.list(folder) { try fileSystem.remove("\(folder)/\(name)") }
            try fileSystem.syncDirectory(folder)
            try fileSystem.removeDirectory(folder)
        }
        try fileSystem.syncDirectory(path)
    }

    /// Whether a run has left a journal behind, as one does that was killed.
    package func hasJournal() throws(LogError) -> Bool {
        try reporting { () throws(FileError) in
            guard try fileSystem.exists(journalPath) else { return false }
            return try fileSystem.list(journalPath).contains { $0.hasSuffix(".journal") }
        }
    }

    var journalPath: String { file(JournalFiles.folder) }

    package func directory(of partition: TopicPartition) -> String { file(partition.description) }

    private func file(_ name: String) -> String { "\(path)/\(name)" }

    private func reporting<Result>(_ body: () throws(FileError) -> Result) throws(LogError) -> Result {
        do throws(FileError) {
            return try body()
        } catch {
            throw LogError(.io, error.refusal)
        }
    }
}
