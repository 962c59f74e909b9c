import Exporters

/// A configuration of texts.
struct FixedConfiguration: ExporterConfiguration {
    let values: [String: String]

    init(_ values: [String: String]) { self.values = values }

    func text(_ key: String) -> String? { values[key] }
    func texts(_ key: String) -> [String]? { values[key]?.split(separator: ",").map(String.init) }
    func boolean(_ key: String) -> Bool? { values[key].flatMap(Bool.init) }
    func integer(_ key: String, _ range: ClosedRange<Int>) -> Int? { values[key].flatMap { Int($0) } }
    func duration(_ key: String) -> Int64? { values[key].flatMap { Int64($0) } }
}
