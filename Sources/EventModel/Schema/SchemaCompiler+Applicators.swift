/// The keywords that apply other schemas.
extension SchemaCompiler {
    mutating func readApplicators(_ reading: inout SchemaReading) throws(SchemaError) {
        try readMembers(&reading)
        if reading.dialect.appliesSubschemas {
            try readElements(&reading)
            try readCombinations(&reading)
            try readConditions(&reading)
        }
    }

    /// To be called last, behind all that says what was evaluated.
    mutating func readUnevaluated(_ reading: inout SchemaReading) throws(SchemaError) {
        guard reading.dialect.appliesUnevaluated else { return }
        if let node = try subschema("unevaluatedItems", reading) { reading.add(.unevaluatedElements(node)) }
        if let node = try subschema("unevaluatedProperties", reading) { reading.add(.unevaluatedMembers(node)) }
    }

    /// Also those that nothing refers to: a broken one is told of before something does.
    mutating func readDefinitions(_ reading: SchemaReading) throws(SchemaError) {
        for keyword in ["$defs", "definitions"] as [StaticString] {
            for (_, schema) in try members(keyword, reading) { _ = try node(store.target(schema, in: reading.resource)) }
        }
    }

    // MARK: Objects

    private mutating func readMembers(_ reading: inout SchemaReading) throws(SchemaError) {
        var names: [(name: ExactText, node: Int32?)] = []
        var patterns: [Int32] = []
        var additional = SchemaProgram.noNode
        if reading.dialect.appliesSubschemas {
            for (name, schema) in try members("properties", reading) {
                names.append((name.exactText ?? ExactText(""), try node(store.target(schema, in: reading.resource))))
            }
            for (source, schema) in try members("patternProperties", reading) {
                patterns.append(try pattern(source, "patternProperties", reading))
                patterns.append(try node(store.target(schema, in: reading.resource)))
            }
            additional = try subschema("additionalProperties", reading) ?? additional
            if let node = try subschema("propertyNames", reading) { reading.add(.memberNames(node)) }
        }
        var required: [ExactText] = []
        if reading.dialect.validates, let value = reading.schema.member("required") {
            required = try self.names(value, "required", reading)
        }
        guard !names.isEmpty || !patterns.isEmpty || additional != SchemaProgram.noNode || !required.isEmpty else { return }
        addRules(names, patterns, additional, required, &reading)
    }

    private mutating func addRules(
        _ properties: [(name: ExactText, node: Int32?)], _ patterns: [Int32], _ additional: Int32, _ required: [ExactText],
        _ reading: inout SchemaReading
    ) {
        // One bit each; beyond these, each is looked for by itself.
        let withBits = required.prefix(64)
        for name in required.dropFirst(64) { reading.add(.requiredMember(name: text(name))) }
        let bits = Dictionary(uniqueKeysWithValues: withBits.enumerated().map { ($1, UInt64(1) << UInt64($0)) })
        let known = Set(properties.map(\.name))
        let names = properties + withBits.filter { !known.contains($0) }.map { ($0, nil) }
        let rules = program.addMemberRules(
            names.map { name, node in
                .init(
                    text: text(name), node: node ?? SchemaProgram.noNode, isProperty: node != nil, requiredBit: bits[name] ?? 0)
            }, patterns: list(patterns), additional: additional)
        reading.add(.members(rules))
    }

    // MARK: Arrays

    private mutating func readElements(_ reading: inout SchemaReading) throws(SchemaError) {
        let first = try nodes("prefixItems", reading)
        let rest = try subschema("items", reading)
        if !first.isEmpty || rest != nil {
            reading.add(.elements(first: list(first), rest: rest ?? SchemaProgram.noNode))
        }
        guard let node = try subschema("contains", reading) else { return }
        let (min, max) = try (reading.dialect.validates ? bounds("minContains", "maxContains", reading) : nil) ?? (1, .max)
        let isMinGiven = reading.dialect.validates && reading.schema.member("minContains") != nil
        reading.add(.contains(node, min: isMinGiven ? min : 1, max: max))
    }

    // MARK: The same value

    private mutating func readCombinations(_ reading: inout SchemaReading) throws(SchemaError) {
        let (all, any, one) = (try nodes("allOf", reading), try nodes("anyOf", reading), try nodes("oneOf", reading))
        if !all.isEmpty { reading.add(.all(list(all)), inPlace: all) }
        if !any.isEmpty { reading.add(.any(list(any)), inPlace: any) }
        if !one.isEmpty { reading.add(.one(list(one)), inPlace: one) }
        if let node = try subschema("not", reading) { reading.add(.not(node), inPlace: node) }
    }

    private mutating func readConditions(_ reading: inout SchemaReading) throws(SchemaError) {
        let then = try subschema("then", reading)
        let otherwise = try subschema("else", reading)
        if let test = try subschema("if", reading) {
            reading.add(
                .condition(
                    test: test, then: then ?? SchemaProgram.noNode, otherwise: otherwise ?? SchemaProgram.noNode),
                inPlace: [test, then, otherwise].compactMap { $0 })
        }
        for (name, schema) in try members("dependentSchemas", reading) {
            let node = try node(store.target(schema, in: reading.resource))
            reading.add(.dependentSchema(ifPresent: text(name.exactText ?? ExactText("")), node: node), inPlace: node)
        }
    }

    // MARK: Shapes of values

    private mutating func subschema(_ keyword: StaticString, _ reading: SchemaReading) throws(SchemaError) -> Int32? {
        guard let value = reading.schema.member(keyword) else { return nil }
        return try node(store.target(value, in: reading.resource))
    }

    /// Of a list of schemas; empty without one.
    private mutating func nodes(_ keyword: StaticString, _ reading: SchemaReading) throws(SchemaError) -> [Int32] {
        guard let value = reading.schema.member(keyword) else { return [] }
        guard value.isArray, value.descendantCount > 0 else {
            throw error(reading, "\(keyword)", "must be a list of schemas, not empty")
        }
        var nodes: [Int32] = []
        for element in value.elements { nodes.append(try node(store.target(element, in: reading.resource))) }
        return nodes
    }

    private func members(_ keyword: StaticString, _ reading: SchemaReading) throws(SchemaError) -> [(
        key: JSONValue, value: JSONValue
    )] {
        guard let value = reading.schema.member(keyword) else { return [] }
        guard value.isObject else { throw error(reading, "\(keyword)", "must be an object, with a schema for each name") }
        return Array(value.members)
    }
}
