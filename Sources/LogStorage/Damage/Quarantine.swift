internal import RecordFormat

/// Sets damaged bytes aside in a file of their own, then puts a batch in their place that takes their offsets.
///
/// Invariants:
/// 1. The bytes are aside, synced, before anything is written over them: after a crash at any step either the damage is
///    still there or what replaces it, and the original bytes in one file at least.
/// 2. The ids of lost records are gone before their offsets are taken: otherwise a client that sends one again would be told that
///    it is stored.
/// 3. Nothing behind the region moves: positions and offsets stay.
struct Quarantine {
    let directory: String
    let segmentBase: Int64
    let fileSystem: any FileSystem

    /// Replaces a region that batches follow, or that ends the file; returns the heads of what stands there now. nil: nothing
    /// fits, and nothing was changed.
    func apply(
        _ region: DamagedRegion, to file: any File, endsFile: Bool
    ) throws(FileError) -> (item: KnownDamage.Item, batches: [RecordBatchHeader])? {
        if !region.lostOffsets.isEmpty { try removeIdentities() }
        var filling = region.filling()
        if filling == nil && endsFile && region.offsets.isEmpty {
            // Nothing should be there at all.
            filling = []
        } else if filling == nil && endsFile {
            // Nothing follows, so the marker may have its own size.
            let end = min(region.offsets.upperBound, region.offsets.lowerBound + HoleMarker.offsetsMax)
            let offsets = region.offsets.lowerBound..<end
            filling = [(offsets, HoleMarker.byteCountMin(offsetCount: Int64(offsets.count)) + region.reason.utf8.count)]
        }
        guard let filling else { return nil }
        let keptAt = try keep(region.bytes, of: file, infix: FileNames.damagedInfix)
        var headers: [RecordBatchHeader] = []
        var position = region.bytes.lowerBound
        for (offsets, byteCount) in filling {
            let batch = region.fill(offsets, byteCount: byteCount)
            try file.writeAll(batch, at: position)
            if let header = batch.withUnsafeBytes({ try? RecordBatchHeader(reading: $0) }) { headers.append(header) }
            position += batch.count
        }
        if endsFile { try file.truncate(to: position) }
        try file.sync()
        return (KnownDamage.Item(segmentBase: segmentBase, region: region, keptAt: keptAt), headers)
    }

    /// The file comes back from what is left.
    private func removeIdentities() throws(FileError) {
        let path = "\(directory)/\(FileNames.segment(segmentBase, FileNames.identitiesSuffix))"
        guard try fileSystem.exists(path) else { return }
        try fileSystem.remove(path)
        try fileSystem.syncDirectory(directory)
    }

    /// Copies bytes into a file beside the segment and makes that durable; returns its path, or nil where there is nothing but
    /// zeros to keep.
    func keep(_ range: Range<Int>, of file: any File, infix: String) throws(FileError) -> String? {
        guard try file.hasNonZero(range) else { return nil }
        let name = "\(directory)/\(FileNames.segment(segmentBase, infix))\(range.lowerBound)"
        let (path, isKept) = try place(for: range, of: file, name)
        if isKept { return path }
        let temporary = path + FileNames.temporarySuffix
        do throws(FileError) {
            try copy(range, of: file, to: temporary)
            try fileSystem.rename(temporary, to: path)
            try fileSystem.syncDirectory(directory)
        } catch {
            try? fileSystem.remove(temporary)
            throw error
        }
        return path
    }

    private func copy(_ range: Range<Int>, of file: any File, to path: String) throws(FileError) {
        let copy = try fileSystem.open(path, .readWrite)
        defer { copy.close() }
        try copy.truncate(to: 0)
        try file.forEachPiece(of: range) { bytes, position throws(FileError) in
            try copy.writeAll(bytes, at: position - range.lowerBound)
            return true
        }
        try copy.sync()
    }

    /// `name`, or where something else was kept under it before, `name.2` and so on: what was kept stays. Where the very same
    /// bytes were kept, a recovery before this one was interrupted after it.
    private func place(
        for range: Range<Int>, of file: any File, _ name: String
    ) throws(FileError) -> (path: String, isKept: Bool) {
        var candidate = name
        var number = 2
        while try fileSystem.exists(candidate) {
            let kept = try fileSystem.open(candidate, .readOnly)
            defer { kept.close() }
            var isSame = try kept.size() == range.count
            try file.forEachPiece(of: range) { bytes, position throws(FileError) in
                guard isSame else { return false }
                isSame = try kept.readBytes(at: position - range.lowerBound, byteCount: bytes.count) == bytes
                return isSame
            }
            if isSame { return (candidate, true) }
            candidate = "\(name).\(number)"
            number += 1
        }
        return (candidate, false)
    }
}
