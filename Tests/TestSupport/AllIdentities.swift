package import EventLog

extension IdentityReader {
    /// Everything it gives, in offset order.
    package func all() throws(LogError) -> [StoredIdentity] {
        var pieces: [[StoredIdentity]] = []
        while let piece = try previous() { pieces.append(piece) }
        return Array(pieces.reversed().joined())
    }
}
