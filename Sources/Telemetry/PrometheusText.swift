/// Prometheus' text exposition format, version 0.0.4, written family by family.
package struct PrometheusText {
    package enum Kind: String { case counter, gauge, histogram }
    package typealias Labels = [(name: String, value: String)]

    package private(set) var text = ""

    package init() {}

    /// Adds a family with its samples: labels and value of each. Nothing where there are none.
    package mutating func add(_ name: String, _ kind: Kind, help: String, _ samples: [(labels: Labels, value: Int64)]) {
        if samples.isEmpty { return }
        begin(name, kind, help)
        for sample in samples { addSample(name, sample.labels, "\(sample.value)") }
    }

    package mutating func add(_ name: String, _ kind: Kind, help: String, _ value: Int64) {
        add(name, kind, help: help, [([], value)])
    }

    /// Adds a histogram.
    ///
    /// - Parameter decimals: the values are in units that many powers of ten below the one that is shown.
    package mutating func add(_ name: String, help: String, _ histogram: Histogram, decimals: Int = 0) {
        begin(name, .histogram, help)
        let snapshot = histogram.snapshot
        var count = 0
        for (place, bound) in histogram.bounds.enumerated() {
            count += snapshot.counts[place]
            addSample("\(name)_bucket", [("le", Self.decimal(bound, decimals))], "\(count)")
        }
        addSample("\(name)_bucket", [("le", "+Inf")], "\(snapshot.count)")
        addSample("\(name)_sum", [], Self.decimal(snapshot.sum, decimals))
        addSample("\(name)_count", [], "\(snapshot.count)")
    }

    private mutating func begin(_ name: String, _ kind: Kind, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
    }

    private mutating func addSample(_ name: String, _ labels: Labels, _ value: String) {
        text += name
        for (place, label) in labels.enumerated() {
            text += place == 0 ? "{" : ","
            text += "\(label.name)=\"\(Self.escaped(label.value))\""
        }
        text += labels.isEmpty ? " \(value)\n" : "} \(value)\n"
    }

    /// By scalars: to `Character`, a line's end of two is neither of both.
    private static func escaped(_ value: String) -> String {
        var result = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// `value` with its last digits behind a point, without zeros at the end.
    private static func decimal(_ value: Int, _ decimals: Int) -> String {
        if decimals == 0 { return "\(value)" }
        let digits = String(value.magnitude)
        let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
        var fraction = padded.suffix(decimals)
        while fraction.last == "0" { fraction.removeLast() }
        let whole = (value < 0 ? "-" : "") + padded.dropLast(decimals)
        return fraction.isEmpty ? whole : "\(whole).\(fraction)"
    }
}
