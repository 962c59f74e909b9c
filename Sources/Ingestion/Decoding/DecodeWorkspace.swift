internal import EventModel
internal import RecordFormat
internal import Synchronization

/// The memory in which one request is decoded: reused request after request, used by one thread at a time.
final class DecodeWorkspace {
    let parser = JSONParser(depthMax: IngestLimits.depthMax + DecodeWorkspace.wrapperDepth)
    var inflater = BodyInflater()
    /// The body as JSON text, with the parser's padding behind it.
    var text = GrowableBytes()
    var violations: [EventViolation] = []
    var splice = Splice()
    var random = SystemRandomNumberGenerator()

    /// `{"batch":[...]}` around an event.
    static let wrapperDepth = 2
}

/// As many workspaces as were ever in use at once, which is at most the number of threads that decode.
final class DecodeWorkspaces: @unchecked Sendable {
    // Sendable: the list is locked; a workspace is in the hands of one caller between `take` and `give back`.

    private let idle = Mutex<[ObjectIdentifier: DecodeWorkspace]>([:])

    func with<Result, Failure: Error>(
        _ body: (DecodeWorkspace) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let workspace = idle.withLock { idle -> Transfer in
            guard let key = idle.keys.first else { return Transfer(DecodeWorkspace()) }
            return Transfer(idle.removeValue(forKey: key)!)
        }.workspace
        defer { giveBack(Transfer(workspace)) }
        return try body(workspace)
    }

    private func giveBack(_ transfer: Transfer) {
        idle.withLock { $0[ObjectIdentifier(transfer.workspace)] = transfer.workspace }
    }

    private struct Transfer: @unchecked Sendable {
        // Sendable: moves a workspace from one owner to the next.
        let workspace: DecodeWorkspace

        init(_ workspace: DecodeWorkspace) { self.workspace = workspace }
    }
}
