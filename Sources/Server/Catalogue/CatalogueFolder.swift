package import EventModel
internal import Foundation

/// A deployment's own schemas: `*.json` in a folder, and in folders below it, for others to refer to.
///
/// Links are followed, wherever they stand. What has a name that begins with a dot is left alone: the folders of a Kubernetes volume or
/// of git, what an editor keeps beside a file.
package enum CatalogueFolder {
    package static let filesMax = 10_000
    static let foldersMax = 1_000

    /// The built-in files and, above them, those of `folder`.
    package static func files(_ folder: String?) throws -> [CatalogueFile] {
        guard let folder else { return CatalogueFile.builtIn }
        return try CatalogueFile.builtIn + read(folder)
    }

    package static func catalogue(_ folder: String?, unknownEvents: Catalogue.UnknownEvents = .accept) throws -> Catalogue {
        try Catalogue(files(folder), unknownEvents: unknownEvents)
    }

    private static func read(_ folder: String) throws -> [CatalogueFile] {
        // All of it where the link leads now, also when that changes meanwhile.
        guard let root = realpath(folder, nil) else { throw unreadable(folder, errno) }
        defer { free(root) }
        var walk = CatalogueFolderWalk(folder, at: String(cString: root))
        return try walk.files()
    }

    static func unreadable(_ folder: String, _ number: Int32) -> ConfigurationError {
        let sentence = "EventTracking.Catalog: \(folder) is no directory that can be read"
        // It is not there, or a file.
        if number == ENOENT || number == ENOTDIR { return ConfigurationError(sentence) }
        return ConfigurationError("\(sentence): \(SchemaFile.reason(number))")
    }
}

/// Goes through a folder of schemas and the folders below it.
private struct CatalogueFolderWalk {
    /// What tells one folder from another, by whatever path.
    private struct Identity: Hashable {
        let device: dev_t
        let inode: ino_t

        init(_ status: stat) {
            device = status.st_dev
            inode = status.st_ino
        }
    }

    /// As it is configured, for messages.
    private let folder: String
    private let root: String
    private var found: [CatalogueFile] = []
    private var folderCount = 0
    /// Those that the walk is in.
    private var open: Set<Identity> = []

    init(_ folder: String, at root: String) {
        self.folder = folder
        self.root = root
    }

    mutating func files() throws -> [CatalogueFile] {
        var status = stat()
        guard stat(root, &status) == 0 else { throw CatalogueFolder.unreadable(folder, errno) }
        try readFolder("", Identity(status))
        return found
    }

    /// - Parameter name: of a folder, with a slash at its end; empty for the outermost.
    private mutating func readFolder(_ name: String, _ identity: Identity) throws {
        guard open.insert(identity).inserted else {
            throw ConfigurationError("\(folder)/\(name) is a link back to a folder that it stands in; remove it")
        }
        defer { open.remove(identity) }
        folderCount += 1
        guard folderCount <= CatalogueFolder.foldersMax else {
            throw ConfigurationError("EventTracking.Catalog: \(folder) holds more than \(CatalogueFolder.foldersMax) folders")
        }
        for entry in try entries(name) {
            let inner = name + entry
            var status = stat()
            guard stat("\(root)/\(inner)", &status) == 0 else {
                guard CatalogueFile.isName(entry) else { continue }
                throw errno == ENOENT
                    ? ConfigurationError("\(folder)/\(inner): is a link that leads nowhere; mend it or remove it")
                    : SchemaFile.unreadable("\(folder)/\(inner)", errno)
            }
            if CatalogueFile.isName(entry) {
                guard found.count < CatalogueFolder.filesMax else {
                    throw ConfigurationError(
                        "EventTracking.Catalog: \(folder) holds more than \(CatalogueFolder.filesMax) schemas")
                }
                let text = try SchemaFile.read("\(root)/\(inner)", shownAs: "\(folder)/\(inner)")
                found.append(CatalogueFile(name: inner, text: text, origin: "\(folder)/\(inner)"))
            } else if status.st_mode & S_IFMT == S_IFDIR {
                try readFolder(inner + "/", Identity(status))
            }
        }
    }

    /// The names in a folder that count, in order.
    private func entries(_ name: String) throws -> [String] {
        guard let stream = opendir("\(root)/\(name)") else {
            throw name.isEmpty ? CatalogueFolder.unreadable(folder, errno) : SchemaFile.unreadable("\(folder)/\(name)", errno)
        }
        defer { closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else { break }
            let bytes = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            guard !Self.isHidden(bytes), !bytes.elementsEqual(Self.fileSystemsOwn.utf8) else { continue }
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw ConfigurationError(
                    "\(folder)/\(name)\(String(decoding: bytes, as: UTF8.self)): its name is not UTF-8; give it another")
            }
            names.append(text)
        }
        guard errno == 0 else { throw SchemaFile.unreadable("\(folder)/\(name)", errno) }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// An event may be called `..`, whose file is `...json`: what is nothing but dots hides nothing.
    private static func isHidden(_ name: [UInt8]) -> Bool {
        let dots = name.prefix { $0 == UInt8(ascii: ".") }
        return !dots.isEmpty && !(dots.count > 1 && name.dropFirst(dots.count).elementsEqual("json".utf8))
    }

    /// In the topmost folder of a volume, and nobody's but root's.
    private static let fileSystemsOwn = "lost+found"
}
