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
        name.contains("/") || !name.hasSuffix(Self.suffix) ? nil : String(name.dropLast(Self.suffix.count))
    }

    static let suffix = ".json"
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
