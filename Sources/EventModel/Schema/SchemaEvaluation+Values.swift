/// What applies to a value by itself.
extension SchemaEvaluation {
    // MARK: Several schemas for the same value

    mutating func all(_ list: SchemaProgram.List, _ value: JSONValue, _ marks: EvaluatedMarks?) -> Bool {
        var isValid = true
        for place in list.range where !apply(program.lists[place], value, "allOf", marks) {
            isValid = false
            if Report.isSilent || report.isFull { return false }
        }
        return isValid
    }

    mutating func any(_ list: SchemaProgram.List, _ value: JSONValue, _ marks: EvaluatedMarks?) -> Bool {
        var isValid = false
        for place in list.range where quietly(program.lists[place], value, marks) {
            isValid = true
            // The others are asked only for what they evaluate.
            if marks == nil { return true }
        }
        return isValid || failAlternatives(list, value, "anyOf")
    }

    mutating func one(_ list: SchemaProgram.List, _ value: JSONValue, _ marks: EvaluatedMarks?) -> Bool {
        var found = 0
        for place in list.range where quietly(program.lists[place], value, found == 0 ? marks : nil) {
            found += 1
            if found > 1 { return fail(value, "oneOf", "is of more than one of the forms that exclude each other here") }
        }
        return found == 1 || failAlternatives(list, value, "oneOf")
    }

    mutating func condition(
        _ test: Int32, _ then: Int32, _ otherwise: Int32, _ value: JSONValue, _ marks: EvaluatedMarks?
    ) -> Bool {
        let holds = quietly(test, value, marks)
        let next = holds ? then : otherwise
        return next == SchemaProgram.noNode || apply(next, value, holds ? "then" : "else", marks)
    }

    // MARK: Texts and numbers

    mutating func textLength(_ min: Int32, _ max: Int32, _ value: JSONValue) -> Bool {
        guard value.isString else { return true }
        let bytes = value.stringBytes
        // A character takes one to four bytes.
        if bytes.count / 4 >= min && bytes.count <= max { return true }
        steps -= bytes.count / SchemaLimits.bytesPerStep
        let count = bytes.reduce(0) { $0 + ($1 & 0xC0 == 0x80 ? 0 : 1) }
        if count < min {
            return fail(
                value, "minLength",
                count == 0 ? "must not be empty" : "must have at least \(SchemaWords.counted(min, "character"))")
        }
        return count <= max || fail(value, "maxLength", "must not be longer than \(SchemaWords.counted(max, "character"))")
    }

    mutating func pattern(_ number: Int32, _ value: JSONValue) -> Bool {
        guard value.isString else { return true }
        let bytes = value.stringBytes
        steps -= bytes.count / SchemaLimits.bytesPerStep
        let pattern = program.patterns[Int(number)]
        return pattern.matches(bytes) || fail(value, "pattern", "must match the pattern \(pattern.source)")
    }

    mutating func range(_ range: SchemaProgram.NumberRange, _ value: JSONValue) -> Bool {
        guard let number = value.exactNumber else { return true }
        if let min = range.min, number < min { return fail(value, "minimum", "must be at least \(SchemaWords.shown(min))") }
        if let max = range.max, max < number { return fail(value, "maximum", "must be at most \(SchemaWords.shown(max))") }
        if let min = range.exclusiveMin, !(min < number) {
            return fail(value, "exclusiveMinimum", "must be greater than \(SchemaWords.shown(min))")
        }
        if let max = range.exclusiveMax, !(number < max) {
            return fail(value, "exclusiveMaximum", "must be less than \(SchemaWords.shown(max))")
        }
        return true
    }

    mutating func multiple(_ multiple: SchemaProgram.Multiple, _ value: JSONValue) -> Bool {
        guard let number = value.exactNumber else { return true }
        let isMultiple: Bool
        if let divisor = multiple.decimal, let decimal = JSONDecimal(value.source) {
            isMultiple = decimal.isMultiple(of: divisor)
        } else {
            isMultiple = number.double.truncatingRemainder(dividingBy: multiple.divisor.double) == 0
        }
        return isMultiple || fail(value, "multipleOf", "must be a multiple of \(SchemaWords.shown(multiple.divisor))")
    }

    // MARK: Values given

    mutating func constant(_ number: Int32, _ value: JSONValue) -> Bool {
        let constant = program.constants[Int(number)]
        return value.isEqual(to: constant, steps: &steps) || fail(value, "const", "must be \(SchemaWords.shown(constant))")
    }

    mutating func enumeration(_ list: SchemaProgram.List, _ value: JSONValue) -> Bool {
        for place in list.range where value.isEqual(to: program.constants[Int(program.lists[place])], steps: &steps) {
            return true
        }
        if Report.isSilent { return false }
        let shownMax = 8
        let choices = list.range.prefix(shownMax).map { SchemaWords.shown(program.constants[Int(program.lists[$0])]) }
        let more = list.count > shownMax ? " or \(Int(list.count) - shownMax) others" : ""
        return fail(value, "enum", "must be one of \(choices.joined(separator: ", "))\(more)")
    }
}
