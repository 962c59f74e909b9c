/// Runs a program over one value. What it may take is bounded: `stepsMax` steps, and the stack as `SchemaCompiler` says.
struct SchemaEvaluation<Report: SchemaReport> {
    let program: SchemaProgram
    var report: Report
    /// What is left of `stepsMax`. Below zero, the value is refused for it, and what its schemas say of it means nothing any more.
    var steps = SchemaLimits.stepsMax
    /// The resources that were entered, where a `$dynamicRef` may ask for them.
    private var scope: [Int32] = []

    init(_ program: SchemaProgram, _ report: Report) {
        self.program = program
        self.report = report
    }

    /// Whether `value` keeps to the schema of `number`.
    mutating func evaluate(_ number: Int32, _ value: JSONValue, _ marks: EvaluatedMarks? = nil) -> Bool {
        steps -= 1
        guard steps >= 0 else { return false }
        let node = program.nodes[Int(number)]
        // A whole schema that is `false` has no keyword; JSON Schema says that it means {"not":{}}.
        guard node.kinds.contains(value) else { return failKind(value, node.kinds, "not") }
        guard node.hasInstructions else { return true }
        guard program.usesDynamicScope, scope.last != node.resource else { return run(node, value, marks) }
        scope.append(node.resource)
        defer { scope.removeLast() }
        return run(node, value, marks)
    }

    private mutating func run(_ node: SchemaProgram.Node, _ value: JSONValue, _ marks: EvaluatedMarks?) -> Bool {
        guard node.asksForMarks, value.isObject || value.isArray else { return runEach(node, value, marks) }
        // What an outer schema has looked at does not count here; what is looked at here counts there.
        return EvaluatedMarks.with(value.isObject ? value.memberCount : value.elementCount) { own in
            let isValid = runEach(node, value, own)
            if let marks { marks.add(own) }
            return isValid
        }
    }

    private mutating func runEach(_ node: SchemaProgram.Node, _ value: JSONValue, _ marks: EvaluatedMarks?) -> Bool {
        var isValid = true
        for place in Int(node.first)..<Int(node.end) where !step(program.instructions[place], value, marks) {
            isValid = false
            if Report.isSilent || report.isFull { return false }
        }
        return isValid
    }

    private mutating func step(
        _ instruction: SchemaProgram.Instruction, _ value: JSONValue, _ marks: EvaluatedMarks?
    ) -> Bool {
        switch instruction {
        case .reference(let node): apply(node, value, "$ref", marks)
        case .dynamicReference(let name, let otherwise): apply(target(name, otherwise), value, "$dynamicRef", marks)
        case .all(let list): all(list, value, marks)
        case .any(let list): any(list, value, marks)
        case .one(let list): one(list, value, marks)
        case .not(let node): !quietly(node, value) || fail(value, "not", "must not be of the form that is excluded here")
        case .condition(let test, let then, let otherwise): condition(test, then, otherwise, value, marks)
        case .members(let rules): members(program.memberRules[Int(rules)], value, marks)
        case .requiredMember(let name):
            !value.isObject || member(name, of: value) != nil || failMissing(value, name)
        case .memberCount(let min, let max): memberCount(min, max, value)
        case .memberNames(let node): memberNames(node, value)
        case .dependentNames(let name, let names): dependentNames(name, names, value)
        case .dependentSchema(let name, let node):
            !value.isObject || member(name, of: value) == nil || apply(node, value, "dependentSchemas", marks)
        case .elements(let first, let rest): elements(first, rest, value, marks)
        case .contains(let node, let min, let max): contains(node, min, max, value, marks)
        case .elementCount(let min, let max): elementCount(min, max, value)
        case .uniqueElements: uniqueElements(value)
        case .textLength(let min, let max): textLength(min, max, value)
        case .pattern(let number): pattern(number, value)
        case .format(let format):
            !value.isString || format.matches(value.stringBytes) || fail(value, "format", "must be \(format.demand)")
        case .range(let number): range(program.numberRanges[Int(number)], value)
        case .multiple(let number): multiple(program.multiples[Int(number)], value)
        case .constant(let number): constant(number, value)
        case .enumeration(let list): enumeration(list, value)
        case .unevaluatedMembers(let node): unevaluatedMembers(node, value, marks)
        case .unevaluatedElements(let node): unevaluatedElements(node, value, marks)
        }
    }

    /// From the outermost resource in.
    private func target(_ name: Int32, _ otherwise: Int32) -> Int32 {
        let nodes = program.dynamicAnchors[Int(name)]
        for resource in scope where nodes[Int(resource)] != SchemaProgram.noNode { return nodes[Int(resource)] }
        return otherwise
    }

    /// Whether the value keeps to it, without a word where it does not. What was evaluated counts only where it does.
    mutating func quietly(_ node: Int32, _ value: JSONValue, _ marks: EvaluatedMarks? = nil) -> Bool {
        guard let marks else { return quietlyUnmarked(node, value, nil) }
        return EvaluatedMarks.with(marks.capacity) { own in
            guard quietlyUnmarked(node, value, own) else { return false }
            marks.add(own)
            return true
        }
    }

    private mutating func quietlyUnmarked(_ node: Int32, _ value: JSONValue, _ marks: EvaluatedMarks?) -> Bool {
        if Report.isSilent { return evaluate(node, value, marks) }
        var silent = SchemaEvaluation<SilentReport>(program, SilentReport())
        silent.steps = steps
        silent.scope = scope
        defer { steps = silent.steps }
        return silent.evaluate(node, value, marks)
    }
}

enum SchemaLimits {
    /// Of one value, about ten nanoseconds each. A usual event takes some fifty.
    static let stepsMax = 1_000_000
    /// Bytes of a text that count as one step where all of it is looked at.
    static let bytesPerStep = 16
    static let stepsMessage = "takes more than \(stepsMax) steps to check against its schema"
}

extension JSONValue {
    var memberCount: Int { members.reduce(0) { count, _ in count + 1 } }
    var elementCount: Int { elements.reduce(0) { count, _ in count + 1 } }
}
