import Foundation
import RecordFormat

/// The same work each time, beside which other work is measured: a shared machine is not equally fast all the time, and memory that a
/// virtual machine touches for the first time costs it more than memory it has had before. Compresses records with LZ4 and writes what
/// comes of it behind the rest of a file, on one thread.
struct ReferenceWork: ~Copyable {
    private let path: String
    private let file: FileHandle
    private var text = GrowableBytes()
    private var block = GrowableBytes()

    private static let rounds = 40

    /// - Parameter path: of a file that is made, and removed in the end.
    init(_ records: BenchRecords, path: String) throws {
        self.path = path
        guard FileManager.default.createFile(atPath: path, contents: nil) else { throw CocoaError(.fileWriteUnknown) }
        file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        for body in records.bodies { text.append(copying: body) }
    }

    deinit {
        try? file.close()
        try? FileManager.default.removeItem(atPath: path)
    }

    /// Does it once.
    ///
    /// - Returns: its processor time, in seconds, without what other threads do meanwhile.
    mutating func run() throws -> Double {
        let before = LogBench.cpuSeconds(CLOCK_THREAD_CPUTIME_ID)
        for _ in 0..<Self.rounds {
            block.removeAll()
            LZ4Block.compress(text.bytes, appendingTo: &block)
            try file.write(contentsOf: Data(bytesNoCopy: block.base, count: block.count, deallocator: .none))
        }
        return LogBench.cpuSeconds(CLOCK_THREAD_CPUTIME_ID) - before
    }
}
