internal import EventModel

/// The configured values by key, gathered from the file and, above it, the environment.
package struct ConfigurationSources {
    private(set) var values: [String: ConfigurationValue] = [:]

    package init() {}

    /// Reads the JSON file's text. `${NAME}` in texts is replaced from `environment`.
    ///
    /// - Throws: for what is not JSON, an unknown key, a key given twice, an unset `${NAME}`.
    package mutating func add(file text: [UInt8], path: String, environment: [String: String]) throws {
        let padded = text + Array(repeating: 0, count: JSONParser.padding)
        let depthMax = 64
        let parser = JSONParser(depthMax: depthMax)
        let value: ConfigurationValue = try padded.withUnsafeBytes { bytes in
            let body = UnsafeRawBufferPointer(rebasing: bytes[..<text.count])
            do {
                return ConfigurationValue(try parser.parse(body).root)
            } catch {
                do throws(JSONGrammar.Violation) {
                    _ = try JSONGrammar.outline(body, depthMax: depthMax)
                } catch {
                    throw ConfigurationError("\(path): \(error.message) at byte \(error.position)")
                }
                throw ConfigurationError("\(path): holds a value that cannot be read")
            }
        }
        guard case .object = value else { throw ConfigurationError("\(path): the configuration must be an object") }
        try add(value, at: "", file: path, environment: environment)
    }

    private mutating func add(
        _ value: ConfigurationValue, at key: String, file: String, environment: [String: String]
    ) throws {
        if ConfigurationKey.all.contains(where: { $0.path == key }) {
            guard values[key] == nil else { throw ConfigurationError("\(file): \(key) stands twice") }
            values[key] = try interpolate(value, key: key, environment: environment)
            return
        }
        let isGroup = key.isEmpty || ConfigurationKey.all.contains { $0.path.hasPrefix(key + ".") }
        guard isGroup, case .object(let members) = value else {
            if isGroup { throw ConfigurationError("\(file): \(key) must be an object, not \(value.kindName)") }
            throw ConfigurationError("\(file): unknown key \(key)\(Self.suggestion(for: key))")
        }
        for (name, member) in members {
            try add(member, at: key.isEmpty ? name : "\(key).\(name)", file: file, environment: environment)
        }
    }

    /// Takes every key's name in the environment that is set. A name of our own prefix that is no key is an error.
    package mutating func add(environment: [String: String]) throws {
        for key in ConfigurationKey.all {
            if let text = environment[key.environmentName] { values[key.path] = .environmentText(text) }
        }
        let known = Set(ConfigurationKey.all.map(\.environmentName))
        for name in environment.keys.sorted() where name.hasPrefix("EVENT_TRACKING_") && !known.contains(name) {
            let nearest = known.min { editDistance($0, name) < editDistance($1, name) }
            throw ConfigurationError("environment: unknown key \(name); did you mean \(nearest ?? "")?")
        }
    }

    /// Sets a key from the command line.
    package mutating func set(_ path: String, _ value: ConfigurationValue) {
        precondition(ConfigurationKey.all.contains { $0.path == path })
        values[path] = value
    }

    /// Refuses keys of parts that this version does not have.
    package func refuseWhatIsNotBuilt() throws {
        for key in ConfigurationKey.all where values[key.path] != nil {
            if case .notInThisVersion(let part) = key.availability {
                throw ConfigurationError(
                    "\(key.path) is set, but \(part) is not in this version; remove the key (\(key.environmentName) in "
                        + "the environment) to start without it")
            }
        }
    }

    private func interpolate(
        _ value: ConfigurationValue, key: String, environment: [String: String]
    ) throws -> ConfigurationValue {
        switch value {
        case .text(let text):
            var result = ""
            var rest = text[...]
            var replaced = false
            while let start = rest.firstRange(of: "${") {
                result += rest[..<start.lowerBound]
                guard let end = rest[start.upperBound...].firstIndex(of: "}") else {
                    throw ConfigurationError("\(key): \"${\" without \"}\" in \"\(text)\"")
                }
                let name = String(rest[start.upperBound..<end])
                guard let found = environment[name] else {
                    throw ConfigurationError("\(key): ${\(name)} is not set in the environment")
                }
                result += found
                rest = rest[rest.index(after: end)...]
                replaced = true
            }
            return replaced ? .environmentText(result + rest) : value
        case .array(let elements):
            return .array(try elements.map { try interpolate($0, key: key, environment: environment) })
        case .object(let members):
            return .object(
                try members.map { ($0.name, try interpolate($0.value, key: "\(key).\($0.name)", environment: environment)) })
        default: return value
        }
    }

    static func suggestion(for key: String) -> String {
        let nearest = ConfigurationKey.all.map(\.path).min {
            editDistance($0.lowercased(), key.lowercased()) < editDistance($1.lowercased(), key.lowercased())
        }
        return nearest.map { "; did you mean \($0)?" } ?? ""
    }
}

/// Levenshtein's distance.
func editDistance(_ a: String, _ b: String) -> Int {
    let (a, b) = (Array(a.utf8), Array(b.utf8))
    var row = Array(0...b.count)
    for (i, x) in a.enumerated() {
        var diagonal = row[0]
        row[0] = i + 1
        for (j, y) in b.enumerated() {
            let above = row[j + 1]
            row[j + 1] = min(above + 1, row[j] + 1, diagonal + (x == y ? 0 : 1))
            diagonal = above
        }
    }
    return row[b.count]
}
