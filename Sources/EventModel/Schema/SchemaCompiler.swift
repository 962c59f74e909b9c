/// Compiles schemas, and all that they refer to, to a program.
///
/// Invariants of what it makes:
/// 1. Going round in schemas without going down in the value ends: a circle of such steps is refused, and none is longer than
///    `inPlaceStepsMax`.
/// 2. A keyword that is known has a value that its instruction can be made of; one that has not is refused.
struct SchemaCompiler {
    /// What evaluating may take of the stack: so many steps for each level of nesting in the value.
    static let inPlaceStepsMax = 64
    static let nodesMax = 100_000

    let store: SchemaStore
    var program = SchemaTables()
    private var numbers: [SchemaStore.Place: Int32] = [:]
    private var targets: [SchemaStore.Target] = []
    /// The nodes that each one applies to the same value.
    private var inPlace: [[Int32]] = []
    private var compiledCount = 0
    private var textNumbers: [ExactText: Int32] = [:]
    var patternNumbers: [ExactText: Int32] = [:]
    private var dynamicNumbers: [ExactText: Int32] = [:]

    init(store: SchemaStore) { self.store = store }

    /// Compiles a schema that is in the store, and returns its node.
    mutating func add(_ target: SchemaStore.Target) throws(SchemaError) -> Int32 {
        let number = try node(target)
        try compileAll()
        return number
    }

    /// The program; nothing is added any more.
    consuming func finish() throws(SchemaError) -> SchemaProgram {
        try refuseCircles()
        program.mergeReferences()
        program.finish()
        program.documents = store.texts
        return SchemaProgram(program)
    }

    // MARK: Nodes

    /// The number of a schema's node, which is compiled now or later.
    mutating func node(_ target: SchemaStore.Target) throws(SchemaError) -> Int32 {
        let place = store.place(target.schema, target.resource)
        if let known = numbers[place] { return known }
        guard program.nodes.count < Self.nodesMax else {
            throw store.error(target.schema, target.resource, "more than \(Self.nodesMax) schemas")
        }
        let number = Int32(program.nodes.count)
        numbers[place] = number
        targets.append(target)
        inPlace.append([])
        var node = SchemaProgram.Node()
        node.resource = Int32(target.resource)
        program.nodes.append(node)
        return number
    }

    private mutating func compileAll() throws(SchemaError) {
        repeat {
            while compiledCount < targets.count {
                try compile(compiledCount)
                compiledCount += 1
            }
            try addDynamicAnchors()
        } while compiledCount < targets.count
    }

    private mutating func compile(_ number: Int) throws(SchemaError) {
        let target = targets[number]
        if let bool = target.schema.bool {
            if !bool { program.nodes[number].kinds = .none }
            return
        }
        guard target.schema.isObject else {
            throw store.error(target.schema, target.resource, "a schema must be an object, true or false")
        }
        var reading = SchemaReading(target, dialect: store.resources[target.resource].dialect)
        try readAssertions(&reading)
        // What a schema says itself is told before what it refers to says.
        try readApplicators(&reading)
        try readReferences(&reading)
        try readUnevaluated(&reading)
        try readDefinitions(reading)
        program.nodes[number].kinds = reading.kinds
        program.nodes[number].first = Int32(program.instructions.count)
        program.instructions += reading.instructions
        program.nodes[number].end = Int32(program.instructions.count)
        inPlace[number] = reading.inPlace
    }

    // MARK: References

    private mutating func readReferences(_ reading: inout SchemaReading) throws(SchemaError) {
        if let value = reading.schema.member("$ref") {
            let target = try resolve(value, "$ref", reading)
            reading.add(.reference(try node(target)), inPlace: try node(target))
        }
        guard let value = reading.schema.member("$dynamicRef") else { return }
        let target = try resolve(value, "$dynamicRef", reading)
        let otherwise = try node(target)
        let name = ExactText(URIReference(value.string ?? "").decodedFragment ?? "")
        guard let anchor = store.resources[target.resource].dynamicAnchors[name], anchor.index == target.schema.index else {
            return reading.add(.reference(otherwise), inPlace: otherwise)
        }
        reading.add(.dynamicReference(name: dynamicName(name), otherwise: otherwise), inPlace: otherwise)
    }

    private func resolve(
        _ value: JSONValue, _ keyword: String, _ reading: SchemaReading
    ) throws(SchemaError) -> SchemaStore.Target {
        guard let reference = value.string else { throw error(reading, keyword, "must be a string") }
        guard let target = try store.resolve(reference, from: reading.resource) else {
            throw error(reading, keyword, "leads to \(reference), where no schema is")
        }
        return target
    }

    private mutating func dynamicName(_ name: ExactText) -> Int32 {
        if let known = dynamicNumbers[name] { return known }
        program.dynamicAnchorNames.append(name)
        program.dynamicAnchors.append([])
        let number = Int32(program.dynamicAnchorNames.count - 1)
        dynamicNumbers[name] = number
        return number
    }

    /// A `$dynamicRef` may lead to its anchor in any resource that was entered before.
    private mutating func addDynamicAnchors() throws(SchemaError) {
        let entered = Set(targets.map(\.resource))
        for (place, name) in program.dynamicAnchorNames.enumerated() {
            var nodes = Array(repeating: SchemaProgram.noNode, count: store.resources.count)
            for resource in entered {
                guard let anchor = store.resources[resource].dynamicAnchors[name] else { continue }
                nodes[resource] = try node(.init(schema: anchor, resource: resource))
            }
            program.dynamicAnchors[place] = nodes
        }
    }

    // MARK: Invariant 1

    private func refuseCircles() throws(SchemaError) {
        var edges = inPlace
        // Wherever it may lead.
        for (number, node) in program.nodes.enumerated() {
            for case .dynamicReference(let name, _) in program.instructions[Int(node.first)..<Int(node.end)] {
                edges[number] += program.dynamicAnchors[Int(name)].filter { $0 != SchemaProgram.noNode }
            }
        }
        /// Of the longest way from here; 0: not known yet.
        var heights = Array(repeating: 0, count: edges.count)
        var isOpen = Array(repeating: false, count: edges.count)
        for start in edges.indices where heights[start] == 0 {
            var way: [(node: Int, nextEdge: Int)] = [(start, 0)]
            isOpen[start] = true
            while let (node, nextEdge) = way.last {
                guard nextEdge < edges[node].count else {
                    heights[node] = 1 + edges[node].reduce(0) { max($0, heights[Int($1)]) }
                    isOpen[node] = false
                    way.removeLast()
                    continue
                }
                way[way.count - 1].nextEdge += 1
                let next = Int(edges[node][nextEdge])
                guard !isOpen[next] else {
                    throw store.error(
                        targets[node].schema, targets[node].resource, "refers to itself for the same value, without an end")
                }
                guard way.count < Self.inPlaceStepsMax, heights[next] + way.count <= Self.inPlaceStepsMax else {
                    throw store.error(
                        targets[start].schema, targets[start].resource,
                        "applies more than \(Self.inPlaceStepsMax) schemas to the same value, one from the other")
                }
                guard heights[next] == 0 else { continue }
                isOpen[next] = true
                way.append((next, 0))
            }
        }
    }

    // MARK: Tables

    func error(_ reading: SchemaReading, _ keyword: String, _ message: String) -> SchemaError {
        store.error(reading.schema, reading.resource, at: keyword, message)
    }

    mutating func text(_ text: ExactText) -> Int32 {
        if let known = textNumbers[text] { return known }
        let start = program.texts.count
        program.texts += Array(text.string.utf8)
        program.textRanges.append(.init(first: Int32(start), count: Int32(program.texts.count - start)))
        let number = Int32(program.textRanges.count - 1)
        textNumbers[text] = number
        return number
    }

    mutating func list(_ numbers: [Int32]) -> SchemaProgram.List {
        program.lists += numbers
        return .init(first: Int32(program.lists.count - numbers.count), count: Int32(numbers.count))
    }
}

/// One schema while it is compiled.
struct SchemaReading {
    let schema: JSONValue
    let resource: Int
    let dialect: SchemaDialect
    var kinds = SchemaProgram.KindSet.all
    private(set) var instructions: [SchemaProgram.Instruction] = []
    private(set) var inPlace: [Int32] = []

    init(_ target: SchemaStore.Target, dialect: SchemaDialect) {
        schema = target.schema
        resource = target.resource
        self.dialect = dialect
    }

    mutating func add(_ instruction: SchemaProgram.Instruction, inPlace nodes: Int32...) {
        instructions.append(instruction)
        inPlace += nodes
    }

    mutating func add(_ instruction: SchemaProgram.Instruction, inPlace nodes: [Int32]) {
        instructions.append(instruction)
        inPlace += nodes
    }
}
