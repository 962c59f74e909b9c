/// Bytes for a cache file, decided by the commit loop and written by the maintenance thread.
package struct CacheWrite: Sendable {
    package struct Piece: Sendable {
        package let position: Int
        package let bytes: [UInt8]
    }

    package let path: String
    package let piece: Piece

    /// Writes and syncs, the name too where the file is new. What stood behind the piece is cut off: it belongs to a run of the
    /// service that has ended. Where the file is too short, somebody took what was there away: it is left to the next start, which
    /// makes it from the log.
    package func perform(_ fileSystem: any FileSystem) throws(FileError) {
        let isNew = try !fileSystem.exists(path)
        if isNew && piece.position > 0 { return }
        let file = try fileSystem.open(path, .readWrite)
        defer { file.close() }
        guard try file.size() >= piece.position else { return }
        let end = piece.position + piece.bytes.count
        try file.writeAll(piece.bytes, at: piece.position)
        if try file.size() > end { try file.truncate(to: end) }
        try file.sync()
        if isNew { try fileSystem.syncDirectory(FileNames.parent(of: path)) }
    }
}
