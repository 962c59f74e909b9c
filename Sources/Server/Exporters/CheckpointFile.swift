internal import Exporters
internal import LogStorage

/// An exporter's state, in a file of its own that is replaced as a whole.
struct CheckpointFile: CheckpointStore {
    /// The folder, in the data directory, of all of them.
    static let folderName = "exporters"

    /// Above what any of these files can be.
    private static let byteCountMax = 64 << 20

    let folder: String
    let name: String

    private var path: String { "\(folder)/\(name).json" }
    var description: String { path }

    func load() throws -> [UInt8]? {
        let fileSystem = PosixFileSystem()
        guard try fileSystem.exists(folder) else { return nil }
        return try fileSystem.contents(of: path, byteCountMax: Self.byteCountMax)
    }

    func save(_ state: [UInt8]) throws {
        let fileSystem = PosixFileSystem()
        try fileSystem.makeFolder(folder)
        try fileSystem.replace(path, with: state)
    }
}

extension FileSystem {
    /// Makes a folder that is missing, so that it is there after a crash.
    func makeFolder(_ path: String) throws(FileError) {
        if try exists(path) { return }
        try createDirectory(path)
        try syncDirectory(FileNames.parent(of: path))
    }
}
