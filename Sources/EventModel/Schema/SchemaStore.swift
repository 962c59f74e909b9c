/// The texts that schemas are compiled from, and where each URI and anchor of theirs leads.
final class SchemaStore {
    /// A schema with a URI of its own: a whole text, or a part of one with an `$id`.
    struct Resource {
        let document: Int
        let root: JSONValue
        let uri: URIReference
        let dialect: SchemaDialect
        var anchors: [ExactText: JSONValue] = [:]
        var dynamicAnchors: [ExactText: JSONValue] = [:]
    }

    /// A schema, and the resource whose URI its references are resolved against.
    struct Target {
        let schema: JSONValue
        let resource: Int
    }

    /// One value of one text.
    struct Place: Hashable {
        let document: Int
        let index: Int
    }

    private struct Document {
        let text: JSONDocument
        let file: String
    }

    private let assertsFormats: Bool
    private let load: (String) throws(SchemaError) -> JSONDocument?
    private var documents: [Document] = []
    private(set) var resources: [Resource] = []
    /// By `URIReference.text`, which is ASCII.
    private var resourceByURI: [String: Int] = [:]
    private var resourceByRoot: [Place: Int] = [:]
    /// Meta-schemas that are being read, which may say of themselves that they are their own.
    private var openDialects: Set<String> = []

    /// - Parameter load: gives the text at a URI, without a fragment, that was not added; nil where there is none.
    init(assertsFormats: Bool, load: @escaping (String) throws(SchemaError) -> JSONDocument?) {
        self.assertsFormats = assertsFormats
        self.load = load
    }

    /// All texts, also those that were loaded.
    var texts: [JSONDocument] { documents.map(\.text) }

    // MARK: Adding

    /// Adds a text, which was found at `uri`, and returns its root.
    ///
    /// - Parameter file: what errors call it.
    func add(_ text: JSONDocument, uri: String, file: String) throws(SchemaError) -> Target {
        let uri = URIReference(uri).withoutFragment
        documents.append(Document(text: text, file: file))
        let document = documents.count - 1
        guard resourceByURI[uri.text] == nil else {
            throw error(document, "", "\(uri.text), where it was found, is the $id of another schema already")
        }
        try refuseRepeatedNames(document)
        let resource = try addResource(text.root, "", document, uri)
        // Also under where it was found, whatever its `$id` says.
        resourceByURI[uri.text] = resource
        return Target(schema: text.root, resource: resource)
    }

    /// Which of the two counts would depend on the reader.
    private func refuseRepeatedNames(_ document: Int) throws(SchemaError) {
        let root = documents[document].text.root
        for index in 0..<root.view.valueCount {
            let value = root.view.value(index)
            guard value.isObject, let twice = RepeatedName.first(in: value) else { continue }
            let name = JSONPointer.escaped(RepeatedName.shown(twice))
            throw error(document, "\(JSONPointer.path(to: value, from: root))/\(name)", "stands more than once")
        }
    }

    private func addResource(
        _ root: JSONValue, _ pointer: String, _ document: Int, _ base: URIReference
    ) throws(SchemaError) -> Int {
        var uri = base
        if let id = root.member("$id") {
            guard let text = id.string else { throw error(document, pointer + "/$id", "must be a string") }
            let reference = URIReference(text)
            guard reference.fragment ?? "" == "" else {
                throw error(document, pointer + "/$id", "must have no fragment (#...); $anchor names a place in a schema")
            }
            uri = reference.resolved(against: base).withoutFragment
        }
        guard resourceByURI[uri.text] == nil else {
            throw error(document, pointer + "/$id", "\(uri.text) is the URI of another schema already")
        }
        // Before the number: it may have to read meta-schemas.
        let dialect = try dialect(root, pointer, document, base)
        let number = resources.count
        resources.append(Resource(document: document, root: root, uri: uri, dialect: dialect))
        resourceByURI[uri.text] = number
        resourceByRoot[Place(document: document, index: root.index)] = number
        try readAnchors(root, pointer, number)
        try readSubschemas(root, pointer, number)
        return number
    }

    private func readSubschemas(_ schema: JSONValue, _ pointer: String, _ resource: Int) throws(SchemaError) {
        try SchemaKeywords.forEachSubschema(of: schema) { (subschema, step) throws(SchemaError) in
            let place = pointer + step
            if subschema.member("$id") != nil {
                _ = try addResource(subschema, place, resources[resource].document, resources[resource].uri)
                return
            }
            try readAnchors(subschema, place, resource)
            try readSubschemas(subschema, place, resource)
        }
    }

    private func readAnchors(_ schema: JSONValue, _ pointer: String, _ resource: Int) throws(SchemaError) {
        func name(_ keyword: StaticString) throws(SchemaError) -> ExactText? {
            guard let value = schema.member(keyword) else { return nil }
            guard let name = value.exactText, !name.string.isEmpty else {
                throw error(resources[resource].document, "\(pointer)/\(keyword)", "must be a name")
            }
            guard resources[resource].anchors[name] == nil else {
                throw error(
                    resources[resource].document, "\(pointer)/\(keyword)", "the anchor \(name.string) stands twice in this schema"
                )
            }
            resources[resource].anchors[name] = schema
            return name
        }
        _ = try name("$anchor")
        if let name = try name("$dynamicAnchor") { resources[resource].dynamicAnchors[name] = schema }
    }

    private func dialect(
        _ root: JSONValue, _ pointer: String, _ document: Int, _ base: URIReference
    ) throws(SchemaError) -> SchemaDialect {
        guard let value = root.member("$schema") else {
            // As the schema around it.
            return resourceByURI[base.text].map { resources[$0].dialect } ?? SchemaDialect(assertsFormats: assertsFormats)
        }
        let place = pointer + "/$schema"
        guard let uri = value.string.map({ URIReference($0).withoutFragment.text }) else {
            throw error(document, place, "must be a string")
        }
        guard uri != SchemaDialect.standard, openDialects.insert(uri).inserted else {
            return SchemaDialect(assertsFormats: assertsFormats)
        }
        defer { openDialects.remove(uri) }
        guard let found = try resource(at: uri) else {
            throw error(document, place, "\(uri) is not known here; schemas are of draft 2020-12 (\(SchemaDialect.standard))")
        }
        guard let vocabulary = resources[found].root.member("$vocabulary") else {
            return SchemaDialect(assertsFormats: assertsFormats)
        }
        do throws(SchemaDialect.UnknownVocabulary) {
            return try SchemaDialect(vocabulary: vocabulary, assertsFormats: assertsFormats)
        } catch {
            throw self.error(document, place, "requires the vocabulary \(error.uri), which is not known here")
        }
    }

    // MARK: Finding

    private func resource(at uri: String) throws(SchemaError) -> Int? {
        if let known = resourceByURI[uri] { return known }
        guard let text = try load(uri) else { return nil }
        return try add(text, uri: uri, file: uri).resource
    }

    /// Where `reference` leads, standing in `resource`; nil where nothing is there.
    func resolve(_ reference: String, from resource: Int) throws(SchemaError) -> Target? {
        let uri = URIReference(reference).resolved(against: resources[resource].uri)
        guard let found = try self.resource(at: uri.withoutFragment.text), let fragment = uri.decodedFragment else { return nil }
        if !fragment.isEmpty && fragment.utf8.first != UInt8(ascii: "/") {
            return resources[found].anchors[ExactText(fragment)].map { Target(schema: $0, resource: found) }
        }
        var target = Target(schema: resources[found].root, resource: found)
        guard let tokens = JSONPointer.tokens(fragment) else { return nil }
        for token in tokens {
            guard let child = target.schema.child(token) else { return nil }
            target = Target(schema: child, resource: resourceByRoot[place(child, target.resource)] ?? target.resource)
        }
        return target
    }

    /// A subschema of one in `resource`: itself the root of a resource, or a part of that one.
    func target(_ subschema: JSONValue, in resource: Int) -> Target {
        Target(schema: subschema, resource: resourceByRoot[place(subschema, resource)] ?? resource)
    }

    func place(_ value: JSONValue, _ resource: Int) -> Place {
        Place(document: resources[resource].document, index: value.index)
    }

    /// An error at a value, or at `keyword` within it.
    func error(_ value: JSONValue, _ resource: Int, at keyword: String = "", _ message: String) -> SchemaError {
        let document = resources[resource].document
        let pointer = JSONPointer.path(to: value, from: documents[document].text.root)
        return error(document, keyword.isEmpty ? pointer : "\(pointer)/\(keyword)", message)
    }

    private func error(_ document: Int, _ pointer: String, _ message: String) -> SchemaError {
        SchemaError(file: documents[document].file, pointer: pointer, message)
    }
}
