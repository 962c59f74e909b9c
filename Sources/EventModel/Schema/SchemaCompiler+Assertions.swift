/// The keywords of the validation vocabulary, and `format`.
extension SchemaCompiler {
    mutating func readAssertions(_ reading: inout SchemaReading) throws(SchemaError) {
        if reading.dialect.assertsFormats, let value = reading.schema.member("format") {
            guard let name = value.string else { throw error(reading, "format", "must be a string") }
            if let format = SchemaFormat(rawValue: name) { reading.add(.format(format)) }
        }
        guard reading.dialect.validates else { return }
        try readType(&reading)
        try readNumbers(&reading)
        try readTexts(&reading)
        try readCounts(&reading)
        try readValues(&reading)
        try readDependentNames(&reading)
    }

    private func readType(_ reading: inout SchemaReading) throws(SchemaError) {
        guard let value = reading.schema.member("type") else { return }
        let names = value.isArray ? Array(value.elements) : [value]
        reading.kinds = .none
        for name in names {
            guard let kinds = name.string.flatMap(SchemaProgram.KindSet.init(name:)) else {
                throw error(
                    reading, "type", "must be null, boolean, integer, number, string, array or object, or a list of these")
            }
            reading.kinds = reading.kinds.union(kinds)
        }
        guard !names.isEmpty else { throw error(reading, "type", "must not be an empty list") }
    }

    private mutating func readNumbers(_ reading: inout SchemaReading) throws(SchemaError) {
        func number(_ keyword: StaticString) throws(SchemaError) -> JSONNumber? {
            guard let value = reading.schema.member(keyword) else { return nil }
            guard let number = value.exactNumber else { throw error(reading, "\(keyword)", "must be a number") }
            return number
        }
        let range = SchemaProgram.NumberRange(
            min: try number("minimum"), max: try number("maximum"), exclusiveMin: try number("exclusiveMinimum"),
            exclusiveMax: try number("exclusiveMaximum"))
        if range.min != nil || range.max != nil || range.exclusiveMin != nil || range.exclusiveMax != nil {
            program.numberRanges.append(range)
            reading.add(.range(Int32(program.numberRanges.count - 1)))
        }
        guard let divisor = try number("multipleOf") else { return }
        guard divisor.double > 0 else { throw error(reading, "multipleOf", "must be greater than 0") }
        let decimal = reading.schema.member("multipleOf").flatMap { JSONDecimal($0.source) }
        program.multiples.append(.init(divisor: divisor, decimal: decimal))
        reading.add(.multiple(Int32(program.multiples.count - 1)))
    }

    private mutating func readTexts(_ reading: inout SchemaReading) throws(SchemaError) {
        if let (min, max) = try bounds("minLength", "maxLength", reading) { reading.add(.textLength(min: min, max: max)) }
        if let value = reading.schema.member("pattern") { reading.add(.pattern(try pattern(value, "pattern", reading))) }
    }

    private func readCounts(_ reading: inout SchemaReading) throws(SchemaError) {
        if let (min, max) = try bounds("minProperties", "maxProperties", reading) {
            reading.add(.memberCount(min: min, max: max))
        }
        if let (min, max) = try bounds("minItems", "maxItems", reading) { reading.add(.elementCount(min: min, max: max)) }
        if let value = reading.schema.member("uniqueItems") {
            guard let isUnique = value.bool else { throw error(reading, "uniqueItems", "must be true or false") }
            if isUnique { reading.add(.uniqueElements) }
        }
    }

    private mutating func readValues(_ reading: inout SchemaReading) throws(SchemaError) {
        func constant(_ value: JSONValue) -> Int32 {
            program.constants.append(value)
            return Int32(program.constants.count - 1)
        }
        if let value = reading.schema.member("const") { reading.add(.constant(constant(value))) }
        guard let value = reading.schema.member("enum") else { return }
        guard value.isArray else { throw error(reading, "enum", "must be a list") }
        reading.add(.enumeration(list(value.elements.map(constant))))
    }

    private mutating func readDependentNames(_ reading: inout SchemaReading) throws(SchemaError) {
        guard let value = reading.schema.member("dependentRequired") else { return }
        guard value.isObject else { throw error(reading, "dependentRequired", "must be an object") }
        for (name, names) in value.members {
            let required = try self.names(names, "dependentRequired", reading)
            reading.add(
                .dependentNames(ifPresent: text(name.exactText ?? ExactText("")), names: list(required.map { text($0) })))
        }
    }

    // MARK: Shapes of values

    /// Two counts of which either may be left out; nil without both.
    func bounds(
        _ min: StaticString, _ max: StaticString, _ reading: SchemaReading
    ) throws(SchemaError) -> (min: Int32, max: Int32)? {
        let low = try count(min, reading)
        let high = try count(max, reading)
        return low == nil && high == nil ? nil : (low ?? 0, high ?? .max)
    }

    func count(_ keyword: StaticString, _ reading: SchemaReading) throws(SchemaError) -> Int32? {
        guard let value = reading.schema.member(keyword) else { return nil }
        guard case .whole(let number)? = value.exactNumber, number >= 0 else {
            throw error(reading, "\(keyword)", "must be a whole number, at least 0")
        }
        return Int32(clamping: number)
    }

    mutating func pattern(_ value: JSONValue, _ keyword: String, _ reading: SchemaReading) throws(SchemaError) -> Int32 {
        guard let source = value.string else { throw error(reading, keyword, "must be a string") }
        if let known = patternNumbers[ExactText(source)] { return known }
        do throws(ECMAPattern.Refusal) {
            program.patterns.append(try SchemaPattern(source))
        } catch {
            throw self.error(reading, keyword, "is no regular expression that can be used: \(error.message)")
        }
        let number = Int32(program.patterns.count - 1)
        patternNumbers[ExactText(source)] = number
        return number
    }

    func names(_ value: JSONValue, _ keyword: String, _ reading: SchemaReading) throws(SchemaError) -> [ExactText] {
        let names = value.elements.map(\.exactText)
        guard value.isArray, !names.contains(nil) else { throw error(reading, keyword, "must be a list of names") }
        guard Set(names).count == names.count else { throw error(reading, keyword, "holds a name twice") }
        return names.compactMap { $0 }
    }
}
