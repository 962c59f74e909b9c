internal import EventModel
package import RecordFormat

/// Which events somebody wants. For one thread at a time.
package struct RecordFilter {
    private static let depthMax = 512

    private let events: [[UInt8]]
    private let user: [UInt8]?
    private let parser = JSONParser(depthMax: RecordFilter.depthMax)

    /// - Parameters:
    ///   - events: their names; empty: whatever they are called.
    ///   - user: the `userId` that they name; nil: of whomever.
    package init(events: [String] = [], user: String? = nil) {
        self.events = events.map { Array($0.utf8) }
        self.user = user.map { Array($0.utf8) }
    }

    /// The partition of all of them; nil: any.
    package func partition(of partitionCount: Int) -> Int? {
        user?.withUnsafeBytes { Murmur2.partition(of: $0, partitionCount: partitionCount) }
    }

    package func takes(_ record: RecordView) -> Bool {
        if !events.isEmpty {
            guard let name = record.header("event"), events.contains(where: name.elementsEqual) else { return false }
        }
        guard let user else { return true }
        // The key may be an anonymous id of the same letters.
        guard record.key?.elementsEqual(user) == true, let value = record.value, let view = try? parser.parse(value),
            let found = view.root.member("userId"), found.isString
        else { return false }
        return found.stringBytes.elementsEqual(user)
    }
}
