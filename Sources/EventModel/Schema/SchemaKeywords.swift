/// Which keywords of draft 2020-12 hold schemas, and in what shape. What no keyword says is no schema, whatever it looks like.
enum SchemaKeywords {
    enum Shape {
        case schema
        case list
        /// By name.
        case map
    }

    static let subschemas: [String: Shape] = [
        "additionalProperties": .schema, "items": .schema, "contains": .schema, "propertyNames": .schema, "not": .schema,
        "if": .schema, "then": .schema, "else": .schema, "unevaluatedItems": .schema, "unevaluatedProperties": .schema,
        "contentSchema": .schema, "allOf": .list, "anyOf": .list, "oneOf": .list, "prefixItems": .list, "properties": .map,
        "patternProperties": .map, "dependentSchemas": .map, "$defs": .map, "definitions": .map,
    ]

    /// Calls `body` with each schema directly below `schema`, and the pointer from there to it.
    static func forEachSubschema<Failure: Error>(
        of schema: JSONValue, _ body: (JSONValue, String) throws(Failure) -> Void
    ) throws(Failure) {
        for (key, value) in schema.members {
            guard let keyword = key.string, let shape = subschemas[keyword] else { continue }
            switch shape {
            case .schema: try body(value, "/\(keyword)")
            case .list:
                for (number, element) in value.elements.enumerated() { try body(element, "/\(keyword)/\(number)") }
            case .map:
                for (name, member) in value.members {
                    try body(member, "/\(keyword)/\(JSONPointer.escaped(name.string ?? ""))")
                }
            }
        }
    }
}

/// Which of the keywords a schema's `$schema` gives a meaning to.
struct SchemaDialect: Equatable {
    var appliesSubschemas = true
    var appliesUnevaluated = true
    var validates = true
    var assertsFormats: Bool

    static let standard = "https://json-schema.org/draft/2020-12/schema"
    private static let vocabularies = "https://json-schema.org/draft/2020-12/vocab/"

    /// The dialect of the standard meta-schema.
    init(assertsFormats: Bool) { self.assertsFormats = assertsFormats }

    /// The dialect of a meta-schema with this `$vocabulary`.
    ///
    /// - Throws: the name of a vocabulary that is required and not known here.
    init(vocabulary: JSONValue, assertsFormats: Bool) throws(UnknownVocabulary) {
        self.init(assertsFormats: assertsFormats)
        var names: Set<String> = []
        for (key, required) in vocabulary.members {
            guard let uri = key.string else { continue }
            let name = uri.hasPrefix(Self.vocabularies) ? String(uri.dropFirst(Self.vocabularies.count)) : ""
            if Self.known.contains(name) {
                names.insert(name)
            } else if required.bool == true {
                throw UnknownVocabulary(uri: uri)
            }
        }
        appliesSubschemas = names.contains("applicator")
        appliesUnevaluated = names.contains("unevaluated")
        validates = names.contains("validation")
        self.assertsFormats = assertsFormats || names.contains("format-assertion")
    }

    struct UnknownVocabulary: Error {
        let uri: String
    }

    private static let known: Set<String> = [
        "core", "applicator", "unevaluated", "validation", "format-annotation", "format-assertion", "content", "meta-data",
    ]
}
