internal import EventModel
internal import RecordFormat
internal import Synchronization

/// The memory in which one request is decoded: reused request after request, used by one thread at a time.
package struct DecodeWorkspace: ~Copyable {
    let parser = JSONParser(depthMax: IngestLimits.parserDepthMax)
    let inflater = BodyInflater()
    /// The body as JSON text, with the parser's padding behind it.
    var text = GrowableBytes()
    let assembly = AssemblyMemory()

    package init() {}
}

/// As many workspaces as were ever in use at once, which is at most the number of threads that decode.
final class DecodeWorkspaces: Sendable {
    private let idle = Mutex<[Lease]>([])

    func with<Result: ~Copyable, Failure: Error>(
        _ body: (inout DecodeWorkspace) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let lease = idle.withLock { $0.popLast() } ?? Lease()
        defer { idle.withLock { $0.append(lease) } }
        return try body(&lease.workspace)
    }

    private final class Lease: @unchecked Sendable {
        // Sendable: a workspace is either in the list, where nobody uses it, or in the hands of one caller of `with`.
        var workspace = DecodeWorkspace()
    }
}
