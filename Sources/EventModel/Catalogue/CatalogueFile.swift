internal import EventCatalogue

/// A file of the catalogue.
public struct CatalogueFile: Sendable {
    /// The path within the catalogue, such as `vehicle_view.json` or `shared/event.json`.
    public let name: String
    public let text: [UInt8]
    /// What errors and lists call it.
    public let origin: String
    let isBuiltIn: Bool

    public init(name: String, text: [UInt8], origin: String) {
        self.init(name: name, text: text, origin: origin, isBuiltIn: false)
    }

    private init(name: String, text: [UInt8], origin: String, isBuiltIn: Bool) {
        self.name = name
        self.text = text
        self.origin = origin
        self.isBuiltIn = isBuiltIn
    }

    /// The event that it describes, as its name says; nil for one that others refer to.
    var event: String? {
        guard Self.isName(name), !name.utf8.contains(UInt8(ascii: "/")) else { return nil }
        return String(name.utf8.dropLast(Self.suffix.utf8.count))
    }

    /// Whether a file of this name is a schema.
    public static func isName(_ name: String) -> Bool { name.utf8.reversed().starts(with: suffix.utf8.reversed()) }

    private static let suffix = ".json"
    /// What every event has, whatever its name.
    static let base = "shared/event.json"

    /// The files that were built in.
    public static let builtIn: [CatalogueFile] = (0..<okla_catalogue_count()).compactMap { index in
        guard let name = okla_catalogue_name(index), let bytes = okla_catalogue_bytes(index) else { return nil }
        let text = UnsafeBufferPointer(start: bytes, count: okla_catalogue_length(index))
        return CatalogueFile(
            name: String(cString: name), text: Array(text), origin: "built-in \(String(cString: name))", isBuiltIn: true)
    }
}
