/// Prometheus' text format, written family by family.
struct PrometheusText {
    enum Kind: String { case counter, gauge }

    private(set) var text = ""

    /// Adds a family with its samples: labels and value of each.
    mutating func add(
        _ name: String, _ kind: Kind, help: String, _ samples: [(labels: [(name: String, value: String)], value: Int64)]
    ) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
        for sample in samples {
            let labels = sample.labels.map { "\($0.name)=\"\(Self.escaped($0.value))\"" }.joined(separator: ",")
            text += "\(name)\(labels.isEmpty ? "" : "{\(labels)}") \(sample.value)\n"
        }
    }

    mutating func add(_ name: String, _ kind: Kind, help: String, _ value: Int64) {
        add(name, kind, help: help, [([], value)])
    }

    private static func escaped(_ value: String) -> String {
        var result = ""
        for character in value {
            switch character {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            default: result.append(character)
            }
        }
        return result
    }
}
