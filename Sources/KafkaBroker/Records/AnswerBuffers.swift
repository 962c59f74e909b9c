internal import LogStorage
internal import NIOCore
internal import Synchronization

/// Memory for the records of answers, used again and again: to get some megabytes from the system for each of them costs more than to read
/// them.
final class AnswerBuffers: Sendable {
    private struct State {
        var free: [ByteBuffer] = []
        var byteCount = 0
    }

    private let state = Mutex(State())
    /// What is kept while nobody uses it.
    private static let bytesKept = 32 << 20

    /// An empty one, which grows as it must.
    func take() -> ByteBuffer {
        var buffer = state.withLock { state in
            let buffer = state.free.popLast() ?? ByteBuffer()
            state.byteCount -= buffer.storageCapacity
            return buffer
        }
        buffer.clear()
        return buffer
    }

    /// Takes one back of which nothing is needed any more.
    func give(_ buffer: ByteBuffer) {
        state.withLock { state in
            guard buffer.storageCapacity > 0, state.byteCount + buffer.storageCapacity <= Self.bytesKept else { return }
            state.free.append(buffer)
            state.byteCount += buffer.storageCapacity
        }
    }
}

extension ByteBuffer: BatchSpace {
    package mutating func append<Failure: Error>(
        atMost byteCount: Int, _ fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int
    ) throws(Failure) {
        var failure: Failure?
        _ = writeWithUnsafeMutableBytes(minimumWritableBytes: byteCount) { room in
            do throws(Failure) {
                return try fill(UnsafeMutableRawBufferPointer(rebasing: room[..<byteCount]))
            } catch {
                failure = error
                return 0
            }
        }
        if let failure { throw failure }
    }
}
