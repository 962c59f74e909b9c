/// The files of a partition's folder, apart from what stands in its segments.
struct PartitionFolder {
    let directory: String
    let fileSystem: any FileSystem

    /// The segments' base offsets in order. Makes the folder where it is missing, and removes what an interrupted run left
    /// behind: temporary files, and caches without a segment.
    func prepare() throws(FileError) -> [Int64] {
        try fileSystem.createDirectory(directory)
        let names = try fileSystem.list(directory)
        let bases = names.compactMap { FileNames.baseOffset(of: $0, suffix: FileNames.logSuffix) }.sorted()
        for name in names {
            let isOrphan = FileNames.cacheSuffixes.contains { suffix in
                FileNames.baseOffset(of: name, suffix: suffix).map { !bases.contains($0) } ?? false
            }
            // Nothing depends on their going.
            if isOrphan || name.hasSuffix(FileNames.temporarySuffix) { try? fileSystem.remove("\(directory)/\(name)") }
        }
        return bases
    }

    /// Throws where a segment begins farther behind the one before it than that one can reach. Such a file was not made here: its
    /// name must not declare lost what never was.
    func refuseStrangers(among bases: [Int64]) throws(FileError) {
        for (base, next) in zip(bases, bases.dropFirst()) where next - base > FileNames.segmentOffsetsMax {
            throw FileError(
                operation: "place", path: "\(directory)/\(FileNames.segment(next, FileNames.logSuffix))", number: 0,
                reason: "no segment that begins at offset \(base) reaches so far; move this file away")
        }
    }

    /// Kafka keeps the leader's epochs beside the segments; ours is always epoch 0. Nothing of ours reads the file, so a
    /// disk without room for it is no reason to stop.
    func writeLeaderEpochs(startOffset: Int64) {
        let path = "\(directory)/\(FileNames.leaderEpochs)"
        guard (try? fileSystem.exists(path)) == false else { return }
        try? fileSystem.replace(path, with: Array("0\n1\n0 \(startOffset)\n".utf8))
    }
}
