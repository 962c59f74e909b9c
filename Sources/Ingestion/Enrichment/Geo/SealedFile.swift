internal import CMaxMindDB
internal import Glibc

/// A copy of a file in memory that nobody can change any more, this process included.
///
/// A mapped file that another program shortens makes a read of it a SIGBUS, which ends the process, and one that is rewritten in
/// place changes under the reader, who has checked other bytes. A sealed memory file can do neither. It costs as much memory as
/// the file has bytes, for as long as it is mapped (GeoLite2-City: about 60 MB), and counts as this process' shared memory.
struct SealedFile: ~Copyable {
    let byteCount: Int
    private let memory: Descriptor

    /// Where it can be opened, as long as this value lives.
    var path: String { "/proc/self/fd/\(memory.number)" }

    init(copying path: String, byteCountMax: Int) throws(EnrichmentError) {
        // Without O_NONBLOCK the opening of a pipe waits until somebody writes.
        let file = Descriptor(open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK))
        guard file.number >= 0 else { throw Self.failure("open", path) }
        var status = stat()
        guard fstat(file.number, &status) == 0 else { throw Self.failure("look up", path) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw EnrichmentError("\(path) is no file") }
        guard status.st_size <= byteCountMax else { throw Self.tooLarge(path, byteCountMax) }

        let copy = Descriptor(memfd_create("geo-database", Linux.memfdCloseOnExec | Linux.memfdAllowSealing))
        guard copy.number >= 0 else { throw Self.failure("make a file in memory for", path) }
        // It may grow while it is read: what counts is what comes.
        let count = try Self.copy(file, to: copy, path, byteCountMax: byteCountMax)
        guard fcntl(copy.number, Linux.addSeals, Linux.allSeals) == 0 else { throw Self.failure("seal the copy of", path) }
        byteCount = count
        memory = copy
    }

    /// Gives `body` the bytes; they are mapped until it returns.
    func withBytes<Result>(
        _ body: (UnsafeRawBufferPointer) throws(EnrichmentError) -> Result
    ) throws(EnrichmentError) -> Result {
        guard byteCount > 0 else { return try body(UnsafeRawBufferPointer(start: nil, count: 0)) }
        guard let start = mmap(nil, byteCount, PROT_READ, MAP_SHARED, memory.number, 0), start != MAP_FAILED else {
            throw Self.failure("map", path)
        }
        defer { munmap(start, byteCount) }
        return try body(UnsafeRawBufferPointer(start: start, count: byteCount))
    }

    private static let chunkBytes = 1 << 20

    private static func copy(
        _ file: borrowing Descriptor, to memory: borrowing Descriptor, _ path: String, byteCountMax: Int
    ) throws(EnrichmentError) -> Int {
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: chunkBytes, alignment: 16)
        defer { chunk.deallocate() }
        var total = 0
        while true {
            let count = read(file.number, chunk.baseAddress, chunk.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw failure("read", path) }
            if count == 0 { return total }
            guard total + count <= byteCountMax else { throw tooLarge(path, byteCountMax) }
            var written = 0
            while written < count {
                let more = write(memory.number, chunk.baseAddress! + written, count - written)
                if more < 0 && errno == EINTR { continue }
                guard more > 0 else { throw failure("copy to memory", path) }
                written += more
            }
            total += count
        }
    }

    private static func failure(_ action: String, _ path: String) -> EnrichmentError {
        EnrichmentError("cannot \(action) \(path): \(String(cString: strerror(errno)))")
    }

    private static func tooLarge(_ path: String, _ byteCountMax: Int) -> EnrichmentError {
        EnrichmentError("\(path) is larger than \(byteCountMax >> 20) MiB; it would be kept in memory as a whole")
    }
}

/// An open file, closed when the value goes.
private struct Descriptor: ~Copyable {
    let number: Int32

    init(_ number: Int32) { self.number = number }

    deinit { if number >= 0 { close(number) } }
}

/// Of linux/memfd.h and linux/fcntl.h, which Swift's module of glibc lacks.
private enum Linux {
    static let memfdCloseOnExec: UInt32 = 1
    static let memfdAllowSealing: UInt32 = 2
    static let addSeals: Int32 = 1033
    /// Against further seals, shrinking, growing, writing.
    static let allSeals: Int32 = 1 | 2 | 4 | 8
}
