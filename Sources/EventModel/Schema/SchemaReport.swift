/// What is told of a value that breaks its schema.
protocol SchemaReport {
    /// The first break ends it, and nobody asks what it was.
    static var isSilent: Bool { get }
    var isFull: Bool { get }
    mutating func add(_ value: JSONValue, _ step: String, _ keyword: String, _ message: String)
}

struct SilentReport: SchemaReport {
    static var isSilent: Bool { true }
    var isFull: Bool { true }
    mutating func add(_ value: JSONValue, _ step: String, _ keyword: String, _ message: String) {}
}

/// Collects what is wrong, up to a bound.
struct ViolationReport: SchemaReport {
    static var isSilent: Bool { false }

    let root: JSONValue
    let violationsMax: Int
    private(set) var violations: [EventViolation] = []

    init(root: JSONValue, violationsMax: Int) {
        self.root = root
        self.violationsMax = violationsMax
    }

    var isFull: Bool { violations.count >= violationsMax }

    /// - Parameter step: from the value to the place, where that is none: a member that is missing.
    mutating func add(_ value: JSONValue, _ step: String, _ keyword: String, _ message: String) {
        let path = JSONPointer.path(to: value, from: root) + step
        // Two schemas may ask for the same.
        if isFull || violations.contains(where: { ExactText($0.path) == ExactText(path) && $0.keyword == keyword }) { return }
        violations.append(EventViolation(path: path, keyword: keyword, message: message))
    }
}
