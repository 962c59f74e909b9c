/// The events that are known, and what each of them must be: a JSON Schema for each name.
public final class Catalogue: Sendable {
    /// What becomes of an event whose name is not in the catalogue. Where it is accepted, it must still be what every event is.
    public enum UnknownEvents: String, Sendable, CaseIterable { case accept, reject }

    public struct Event: Sendable {
        public let name: String
        /// Of its schema; empty where that has none.
        public let description: String
        public let origin: String
        public let isBuiltIn: Bool
    }

    /// Of one event.
    public static let violationsMax = 16
    public static let eventsMax = 10_000
    /// What references between files are resolved against; nothing is ever fetched.
    private static let address = "catalogue:/"

    /// In the order of their names.
    public let events: [Event]
    private let unknownEvents: UnknownEvents
    private let index: NameIndex
    private let schemas: JSONSchemas
    private let base: JSONSchemas.Root

    /// - Parameter files: of two with the same name the later one counts.
    /// - Throws: the first thing that is wrong with any of them; there is no catalogue of a part.
    public init(_ files: [CatalogueFile], unknownEvents: UnknownEvents = .accept) throws(SchemaError) {
        var byName: [ExactText: CatalogueFile] = [:]
        for file in files { byName[ExactText(file.name)] = file }
        guard let baseFile = byName[ExactText(CatalogueFile.base)] else {
            throw SchemaError(file: CatalogueFile.base, pointer: "", "is missing: what every event has")
        }
        let inOrder = byName.sorted { $0.key < $1.key }.map(\.value)
        let described = inOrder.filter { $0.event != nil }
        guard described.count <= Self.eventsMax else {
            throw SchemaError(file: described[0].origin, pointer: "", "more than \(Self.eventsMax) events")
        }
        // Also those that no event refers to: a broken one is told of before someone does.
        let shared = inOrder.filter { $0.event == nil && $0.name != CatalogueFile.base }
        let sources = try (described + [baseFile] + shared).map { file throws(SchemaError) in
            JSONSchemas.Source(
                try Self.text(of: file), uri: Self.address + PercentEncoding.path(ofFile: file.name), file: file.origin)
        }
        schemas = try JSONSchemas(sources, assertsFormats: true)
        events = zip(described, sources).map { file, source in
            Event(
                name: file.event ?? "", description: source.text.withRoot { $0.member("description")?.string ?? "" },
                origin: file.origin,
                isBuiltIn: file.isBuiltIn)
        }
        base = schemas.roots[described.count]
        index = NameIndex(events.map(\.name))
        self.unknownEvents = unknownEvents
    }

    private static func text(of file: CatalogueFile) throws(SchemaError) -> JSONDocument {
        if let event = file.event {
            guard (1...EnvelopeRules.eventCharactersMax).contains(event.unicodeScalars.count) else {
                throw SchemaError(
                    file: file.origin, pointer: "",
                    "is named for an event, whose name has 1 to \(EnvelopeRules.eventCharactersMax) characters")
            }
        }
        do throws(JSONGrammar.Violation) {
            return try JSONDocument(file.text)
        } catch {
            throw SchemaError(file: file.origin, pointer: "", "\(error.message) at byte \(error.position)")
        }
    }

    /// The number of an event in `events`; nil for one that is not in the catalogue.
    public func number(ofEvent name: UnsafeRawBufferPointer) -> Int? { index.number(of: name) }

    /// Appends what is wrong with `event`, which keeps the envelope's rules and is called `name`, to `violations`.
    public func check(_ event: JSONValue, named name: UnsafeRawBufferPointer, into violations: inout [EventViolation]) {
        let root: JSONSchemas.Root
        if let number = index.number(of: name) {
            root = schemas.roots[number]
        } else if unknownEvents == .accept {
            root = base
        } else {
            let shown = RepeatedName.shown(name)
            return violations.append(
                .init(path: "/event", keyword: "unknownEvent", message: "\"\(shown)\" is no event of the catalogue"))
        }
        if schemas.accepts(event, root) { return }
        violations += schemas.violations(of: event, root, max: Self.violationsMax)
    }
}
