/// What is said of a value that breaks its schema, in plain words.
extension SchemaEvaluation {
    /// Reports, unless there was no step left to find it by, and returns false.
    mutating func fail(_ value: JSONValue, _ keyword: @autoclosure () -> String, _ message: @autoclosure () -> String) -> Bool {
        if !Report.isSilent && steps >= 0 { report.add(value, "", keyword(), message()) }
        return false
    }

    mutating func failMissing(
        _ value: JSONValue, _ name: Int32, _ keyword: String = "required", _ message: @autoclosure () -> String = "is required"
    ) -> Bool {
        if !Report.isSilent && steps >= 0 {
            report.add(value, "/" + JSONPointer.escaped(program.text(name)), keyword, message())
        }
        return false
    }

    /// - Parameter keyword: the one to blame where the schema is `false`.
    mutating func failKind(_ value: JSONValue, _ kinds: SchemaProgram.KindSet, _ keyword: StaticString) -> Bool {
        if Report.isSilent { return false }
        if kinds == .none { return fail(value, "\(keyword)", "is not allowed here") }
        return fail(value, "type", "must be \(kinds.words), not \(value.kindWord)")
    }

    /// Evaluates a schema that `keyword` applies. Where it is `false`, which has no keyword of its own, that one is to blame.
    mutating func apply(
        _ node: Int32, _ value: JSONValue, _ keyword: @autoclosure () -> StaticString, _ marks: EvaluatedMarks? = nil
    ) -> Bool {
        if program.nodes[Int(node)].kinds == .none { return failKind(value, .none, keyword()) }
        return evaluate(node, value, marks)
    }

    /// Says what each of the forms asks for.
    mutating func failAlternatives(_ list: SchemaProgram.List, _ value: JSONValue, _ keyword: String) -> Bool {
        if Report.isSilent { return false }
        var reasons: [ExactText] = []
        for place in list.range {
            var branch = SchemaEvaluation<ViolationReport>(program, ViolationReport(root: value, violationsMax: 1))
            branch.steps = steps
            _ = branch.evaluate(program.lists[place], value)
            steps = branch.steps
            guard let first = branch.report.violations.first else { continue }
            let reason = ExactText(first.path.isEmpty ? first.message : "\(first.path) \(first.message)")
            if !reasons.contains(reason) { reasons.append(reason) }
        }
        return fail(value, keyword, reasons.map(\.string).joined(separator: ", or "))
    }
}

enum SchemaWords {
    static func counted(_ count: Int32, _ word: String) -> String { "\(count) \(word)\(count == 1 ? "" : "s")" }

    static func shown(_ number: JSONNumber) -> String {
        switch number {
        case .whole(let value): "\(value)"
        case .real(let value): "\(value)"
        }
    }

    /// A value of a schema, as it is written there.
    static func shown(_ constant: JSONValue) -> String {
        let shownBytesMax = 100
        let text = String(decoding: constant.source.prefix(shownBytesMax), as: UTF8.self)
        return constant.source.count > shownBytesMax ? text + "..." : text
    }
}

extension SchemaProgram.KindSet {
    /// Such as "a string or null".
    fileprivate var words: String {
        var words: [String] = []
        if contains(.string) { words.append("a string") }
        if contains(.double) {
            words.append("a number")
        } else if contains(.integer) {
            words.append("a whole number")
        }
        if contains(.bool) { words.append("true or false") }
        if contains(.object) { words.append("an object") }
        if contains(.array) { words.append("a list") }
        if contains(.null) { words.append("null") }
        guard let last = words.popLast() else { return "nothing" }
        return words.isEmpty ? last : "\(words.joined(separator: ", ")) or \(last)"
    }
}

extension JSONValue {
    fileprivate var kindWord: String {
        switch kind {
        case .null: "null"
        case .bool: "true or false"
        case .integer, .unsignedInteger: "a whole number"
        case .double: "a number"
        case .string: "a string"
        case .array: "a list"
        case .object: "an object"
        }
    }
}
