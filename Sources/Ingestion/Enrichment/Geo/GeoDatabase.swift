internal import CMaxMindDB
internal import Glibc

/// A City or Country database in MaxMind's format (GeoLite2, GeoIP2, DB-IP), looked up by libmaxminddb.
///
/// libmaxminddb trusts what it opens: a file of 543 bytes makes version 1.7.1 take all the memory and time there is when it is
/// opened, and one of 4 MB overflows the stack when something is looked up in it. So the file is copied to where it cannot change
/// (`SealedFile`), all of it is checked here (`MaxMindLayout`, `MaxMindTreeCheck`), and only then libmaxminddb sees it. A lookup
/// cannot meet damage; should the library still report any, the address is unknown.
///
/// - Note: costs as much memory as the file has bytes; while it is checked, a byte for each node and an eighth of the data more.
package final class GeoDatabase: @unchecked Sendable {
    // Sendable: all members are constants, and the memory they lead to is written in `init` and `deinit` only. libmaxminddb's
    // lookups take `MMDB_s` as const and keep nothing elsewhere.

    /// The largest file; GeoLite2-City has about a sixteenth of it.
    package static let byteCountMax = 1 << 30
    /// Values that are checked, all records together: some seconds at most. A value has a byte at least, and a City database some
    /// ten million of bytes for values.
    static let valuesMax = 1 << 28
    /// The longest text of an answer, and of the database's type; a longer one is left out.
    package static let textBytesMax = 256

    /// `GeoLite2-City`, for instance.
    package let databaseType: String
    package let byteCount: Int
    let handle: UnsafeMutablePointer<MMDB_s>
    let paths: GeoPaths

    /// Takes as long as the file is large: 0.7 s for a City database of a million networks and 55 MB.
    package init(path: String) throws(EnrichmentError) {
        let file = try SealedFile(copying: path, byteCountMax: Self.byteCountMax)
        let (type, version, nodeCount) = try file.withBytes { bytes throws(EnrichmentError) in
            let layout = try Self.checked(bytes, path)
            return (layout.databaseType, layout.version, layout.nodeCount)
        }
        let handle = UnsafeMutablePointer<MMDB_s>.allocate(capacity: 1)
        let status = MMDB_open(file.path, UInt32(MMDB_MODE_MMAP), handle)
        guard status == MMDB_SUCCESS else {
            handle.deallocate()
            throw EnrichmentError("\(path) is refused by libmaxminddb: \(String(cString: MMDB_strerror(status)))")
        }
        let metadata = handle.pointee.metadata
        guard metadata.node_count == nodeCount, metadata.ip_version == version else {
            MMDB_close(handle)
            handle.deallocate()
            throw EnrichmentError("\(path) is read in another way by libmaxminddb than it was checked")
        }
        databaseType = type
        byteCount = file.byteCount
        paths = GeoPaths(languages: Self.languages(of: metadata))
        self.handle = handle
    }

    deinit {
        MMDB_close(handle)
        handle.deallocate()
    }

    private static func checked(_ bytes: UnsafeRawBufferPointer, _ path: String) throws(EnrichmentError) -> MaxMindLayout {
        let layout: MaxMindLayout
        do {
            layout = try MaxMindLayout(bytes)
            guard isLocation(layout.databaseType) else {
                throw EnrichmentError("it is a database of type \(layout.databaseType); a City or Country database is needed")
            }
            var tree = MaxMindTreeCheck(layout, valuesMax: valuesMax)
            try tree.run()
        } catch {
            throw EnrichmentError("\(path) cannot be used for context.geo: \(error)")
        }
        return layout
    }

    /// `GeoLite2-City`, `GeoIP2-Country`, `GeoIP2-City-North-America`, `DBIP-City-Lite`, `GeoIP2-Enterprise`,
    /// `DBIP-Location (compat=City)`: their records have the same members.
    private static func isLocation(_ type: String) -> Bool {
        ["City", "Country", "Enterprise"].contains { type.contains($0) }
    }

    private static let languagesMax = 16

    /// The languages that the database says it has names in, without English.
    private static func languages(of metadata: MMDB_metadata_s) -> [String] {
        (0..<min(metadata.languages.count, languagesMax)).compactMap { place in
            metadata.languages.names[place].map { String(cString: $0) }
        }.filter { $0 != "en" }
    }
}
