/// What a partition can do.
///
/// ```
/// open ──write or sync failed──► poisoned        (until a restart recovers it)
/// (recovery without room) ─────► readOnly        (until a restart has room)
/// (recovery cannot read) ──────► readOnly        (until a restart can)
/// any ──its topic is deleted───► gone
/// ```
package enum PartitionState: Sendable, Equatable {
    case open
    /// A write or a sync failed: what is on disk behind the high watermark is unknown. Reads go on.
    case poisoned(reason: String)
    /// Recovery could not make the partition writable. Reads go on.
    case readOnly(reason: String)
    /// Its topic was deleted.
    case gone

    package var name: String {
        switch self {
        case .open: "open"
        case .poisoned: "poisoned"
        case .readOnly: "read-only"
        case .gone: "gone"
        }
    }

    package var isWritable: Bool { self == .open }

    /// Why it takes no writes; nil where it does.
    package var reason: String? {
        switch self {
        case .open: nil
        case .poisoned(let reason): "poisoned: \(reason); reads go on; restart the service to recover"
        case .readOnly(let reason): "read-only: \(reason)"
        case .gone: "the topic was deleted"
        }
    }

    /// A write or sync has failed. The first reason stays.
    package mutating func fail(_ error: FileError) {
        if case .open = self { self = .poisoned(reason: error.description) }
    }
}
