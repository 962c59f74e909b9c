internal import LogStorage
internal import Synchronization

final class SimulatedFile: File {
    let path: String
    private let inode: Int
    private let generation: Int
    private let system: SimulatedFileSystem

    init(path: String, inode: Int, generation: Int, system: SimulatedFileSystem) {
        self.path = path
        self.inode = inode
        self.generation = generation
        self.system = system
    }

    func size() throws(FileError) -> Int {
        try change { _, file throws(FileError) in file.contents.count }
    }

    func read(into target: UnsafeMutableRawBufferPointer, at position: Int) throws(FileError) -> Int {
        try change { _, file throws(FileError) in
            let count = max(0, min(target.count, file.contents.count - position))
            guard count > 0 else { return 0 }
            file.contents.withUnsafeBytes { bytes in
                target.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[position..<position + count]))
            }
            return count
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at position: Int) throws(FileError) -> Int {
        try change { state, file throws(FileError) in
            try state.step(.write, self.path)
            var count = min(bytes.count, state.writeBytesMax ?? bytes.count)
            if let capacity = state.capacity {
                // The file itself is taken out at the moment, so these are the others.
                let end = min(position + count, max(capacity - state.usedBytes, file.contents.count))
                guard end > position else {
                    state.failures += 1
                    throw SimulatedFileSystem.error("write", self.path, 28, "No space left on device (simulated)")
                }
                count = end - position
            }
            // Stopped in the middle of it.
            if state.steps == state.stopAtStep { count = Int(state.random.next() % UInt64(count + 1)) }
            if count > 0 { file.apply(.write(position: position, bytes: Array(bytes.prefix(count)))) }
            try state.afterStep(self.path)
            return count
        }
    }

    func sync() throws(FileError) {
        try change { state, file throws(FileError) in
            do throws(FileError) {
                try state.step(.sync, self.path)
            } catch {
                if !state.isDown { file.failSync(&state.random) }
                throw error
            }
            if state.syncsReachDisk { file.sync() }
            try state.afterStep(self.path)
        }
    }

    func truncate(to byteCount: Int) throws(FileError) {
        try change { state, file throws(FileError) in
            try state.step(.truncate, self.path)
            file.apply(.truncate(byteCount))
            try state.afterStep(self.path)
        }
    }

    func close() {}

    private func change<Result>(
        _ body: (inout SimulatedFileSystem.State, inout SimulatedInode) throws(FileError) -> Result
    ) throws(FileError) -> Result {
        try system.change { state throws(FileError) in
            try state.check(path)
            guard state.generation == generation else {
                throw SimulatedFileSystem.error("call for", path, 9, "the file was opened before the restart")
            }
            // Taken out while it changes, so that its bytes are not copied.
            var file = state.inodes[inode] ?? SimulatedInode()
            let isKnown = state.inodes.removeValue(forKey: inode) != nil
            defer { if isKnown { state.inodes[inode] = file } }
            return try body(&state, &file)
        }
    }
}
