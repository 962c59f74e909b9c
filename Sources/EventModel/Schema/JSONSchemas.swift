/// Schemas of JSON Schema's draft 2020-12, compiled once, for any number of threads.
///
/// Every keyword of the core, applicator, unevaluated and validation vocabularies counts. Formats are asserted where that was asked for:
/// date-time, date, time, email, ipv4, ipv6, uri, uuid; others, and what describes content, are annotations.
public final class JSONSchemas: @unchecked Sendable {
    // Sendable: nothing changes once it is made.

    /// One of them.
    public struct Root: Sendable {
        fileprivate let node: Int32
    }

    /// A text with a schema.
    public struct Source {
        public let text: JSONDocument
        /// Where it was found, for references between texts.
        public let uri: String
        /// What errors call it.
        public let file: String

        public init(_ text: JSONDocument, uri: String, file: String) {
            self.text = text
            self.uri = uri
            self.file = file
        }
    }

    public static let assertedFormats = SchemaFormat.allCases.map(\.rawValue)

    private let program: SchemaProgram
    /// One for each source, in their order.
    public let roots: [Root]

    /// - Parameter load: gives a text that one of the sources refers to, by its URI; nil where there is none.
    public init(
        _ sources: [Source], assertsFormats: Bool,
        load: @escaping (String) throws(SchemaError) -> JSONDocument? = { (_) throws(SchemaError) in nil }
    ) throws(SchemaError) {
        let store = SchemaStore(assertsFormats: assertsFormats, load: load)
        // All of them first: each may refer to any other.
        var targets: [SchemaStore.Target] = []
        for source in sources { targets.append(try store.add(source.text, uri: source.uri, file: source.file)) }
        var compiler = SchemaCompiler(store: store)
        var roots: [Root] = []
        for target in targets { roots.append(Root(node: try compiler.add(target))) }
        program = try compiler.finish()
        self.roots = roots
    }

    /// Whether `value` keeps to the schema.
    public func accepts(_ value: JSONValue, _ root: Root) -> Bool {
        var evaluation = SchemaEvaluation(program, SilentReport())
        return evaluation.evaluate(root.node, value) && evaluation.steps >= 0
    }

    /// What is wrong with `value`, `max` violations at most. One that takes too many steps to check has what was found until then,
    /// and last the keyword `limit`.
    public func violations(of value: JSONValue, _ root: Root, max: Int) -> [EventViolation] {
        var evaluation = SchemaEvaluation(program, ViolationReport(root: value, violationsMax: max))
        _ = evaluation.evaluate(root.node, value)
        let found = evaluation.report.violations
        if evaluation.steps >= 0 { return found }
        return found.prefix(max - 1) + [EventViolation(path: "", keyword: "limit", message: SchemaLimits.stepsMessage)]
    }
}
