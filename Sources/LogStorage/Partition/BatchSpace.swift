/// Memory that batches are read into, one behind the other.
package protocol BatchSpace {
    /// Calls `fill` with room for `byteCount` bytes behind those that are there, and keeps as many of them as it returns.
    mutating func append<Failure: Error>(
        atMost byteCount: Int, _ fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int
    ) throws(Failure)
}

extension BatchSpace {
    mutating func append(_ bytes: [UInt8]) {
        append(atMost: bytes.count) { target in
            target.copyBytes(from: bytes)
            return bytes.count
        }
    }
}

extension [UInt8]: BatchSpace {
    package mutating func append<Failure: Error>(
        atMost byteCount: Int, _ fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int
    ) throws(Failure) {
        var failure: Failure?
        let more = [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
            do throws(Failure) { count = try fill(UnsafeMutableRawBufferPointer(buffer)) } catch { failure = error }
        }
        if let failure { throw failure }
        if isEmpty { self = more } else { self += more }
    }
}
