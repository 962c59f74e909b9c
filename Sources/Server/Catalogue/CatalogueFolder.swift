package import EventModel
internal import Foundation

/// A deployment's own schemas: `*.json` in a folder, and in folders below it, for others to refer to.
package enum CatalogueFolder {
    /// Of one file. The largest of the built-in ones has 8 KiB.
    package static let fileBytesMax = 1 << 20
    package static let filesMax = 10_000

    /// The built-in files and, above them, those of `folder`.
    package static func files(_ folder: String?) throws -> [CatalogueFile] {
        guard let folder else { return CatalogueFile.builtIn }
        return try CatalogueFile.builtIn + read(folder)
    }

    package static func catalogue(_ folder: String?, unknownEvents: Catalogue.UnknownEvents = .accept) throws -> Catalogue {
        try Catalogue(files(folder), unknownEvents: unknownEvents)
    }

    private static func read(_ folder: String) throws -> [CatalogueFile] {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder), isFolder.boolValue,
            let names = FileManager.default.enumerator(atPath: folder)
        else { throw ConfigurationError("EventTracking.Catalog: \(folder) is no directory that can be read") }
        var files: [CatalogueFile] = []
        for case let name as String in names where name.hasSuffix(".json") {
            files.append(try file("\(folder)/\(name)", name: name))
            guard files.count <= filesMax else {
                throw ConfigurationError("EventTracking.Catalog: \(folder) holds more than \(filesMax) schemas")
            }
        }
        return files
    }

    /// Reads one file, which is part of the catalogue under `name`.
    package static func file(_ path: String, name: String) throws -> CatalogueFile {
        let text: Data
        do {
            let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            text = try handle.read(upToCount: fileBytesMax + 1) ?? Data()
        } catch {
            throw ConfigurationError("\(path): cannot be read: \(error.localizedDescription)")
        }
        guard text.count <= fileBytesMax else {
            throw ConfigurationError("\(path): has more than \(fileBytesMax) bytes, the most of a schema")
        }
        return CatalogueFile(name: name, text: Array(text), origin: path)
    }
}
