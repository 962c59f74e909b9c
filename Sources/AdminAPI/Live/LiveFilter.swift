internal import EventModel
internal import RecordFormat

/// Which events somebody wants to see as they come.
struct LiveFilter {
    private static let depthMax = 512

    private let event: [UInt8]?
    private let user: [UInt8]?
    private let parser = JSONParser(depthMax: LiveFilter.depthMax)

    init(event: String?, user: String?) {
        self.event = event.map { Array($0.utf8) }
        self.user = user.map { Array($0.utf8) }
    }

    /// The partition of all of them; nil: any.
    func partition(of partitionCount: Int) -> Int? {
        user?.withUnsafeBytes { Murmur2.partition(of: $0, partitionCount: partitionCount) }
    }

    func takes(_ record: RecordView) -> Bool {
        if let event, record.header("event")?.elementsEqual(event) != true { return false }
        guard let user else { return true }
        // The key may be an anonymous id of the same letters.
        guard record.key?.elementsEqual(user) == true, let value = record.value, let view = try? parser.parse(value),
            let found = view.root.member("userId"), found.isString
        else { return false }
        return found.stringBytes.elementsEqual(user)
    }
}
