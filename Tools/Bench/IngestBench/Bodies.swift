import Foundation

/// Gzipped batches, as the benchmark's client `bodies` writes them. There until the program ends.
struct Bodies: @unchecked Sendable {
    // Sendable: nobody writes to them.

    let all: [UnsafeRawBufferPointer]

    init(path: String) throws {
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: data.count, alignment: 8)
        data.copyBytes(to: copy)
        var rest = UnsafeRawBufferPointer(copy)
        var all: [UnsafeRawBufferPointer] = []
        while rest.count >= 4 {
            let end = 4 + Int(UInt32(littleEndian: rest.loadUnaligned(as: UInt32.self)))
            guard end <= rest.count else { throw CocoaError(.fileReadCorruptFile) }
            all.append(UnsafeRawBufferPointer(rebasing: rest[4..<end]))
            rest = UnsafeRawBufferPointer(rebasing: rest[end...])
        }
        guard !all.isEmpty else { throw CocoaError(.fileReadCorruptFile) }
        self.all = all
    }
}
