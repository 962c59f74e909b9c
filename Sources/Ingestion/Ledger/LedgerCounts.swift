internal import EventModel
internal import RecordFormat

/// The ledger's figures, and up to which offsets of the log they go. `stored` and `rejected` are what the log holds before
/// `positions`; so after a crash what lies behind them is counted again, from the log itself.
///
/// Invariants:
/// 1. The tallies by write key and those by event type have the same sums, outcome by outcome.
/// 2. Type 0 is `otherType`; there are at most `typesMax`.
package struct LedgerCounts: Sendable, Equatable {
    /// What events count as whose name is one too many, or that were refused before their names were read; and those of write keys
    /// whose name is one too many, or longer than a key's name may be.
    package static let otherType = "other"
    /// Names of events that are counted by themselves, and how many of them may be none of the catalogue's.
    package static let typesMax = 512
    package static let typesMadeUpMax = 384
    /// Names of write keys that are counted, those of former keys included.
    package static let keysMax = 1024
    private static let keyNameBytesMax = 512

    package private(set) var keyNames: [String] = []
    package private(set) var keys: [LedgerTally] = []
    package private(set) var typeNames = [otherType]
    package private(set) var types = [LedgerTally()]
    /// The next offset of each partition: those of events, then that of rejected ones.
    package private(set) var positions: [Int64]

    private var keyNumbers: [ExactText: Int] = [:]
    private var typeNumbers = [ExactText(otherType): 0]

    package init(partitionCount: Int) { positions = Array(repeating: 0, count: partitionCount) }

    package static func == (a: LedgerCounts, b: LedgerCounts) -> Bool {
        a.keyNames == b.keyNames && a.keys == b.keys && a.typeNames == b.typeNames && a.types == b.types
            && a.positions == b.positions
    }

    package var total: LedgerTally { keys.reduce(into: LedgerTally()) { $0 += $1 } }

    // MARK: Names

    /// The number of a key's name, which is added where it is new.
    mutating func key(_ name: String) -> Int {
        let exact = ExactText(name)
        if let known = keyNumbers[exact] { return known }
        // One place is for the others.
        let isOther = name == Self.otherType
        guard isOther || keyNames.count < Self.keysMax - 1 && name.utf8.count <= Self.keyNameBytesMax else {
            return key(Self.otherType)
        }
        keyNames.append(name)
        keys.append(LedgerTally())
        keyNumbers[exact] = keyNames.count - 1
        return keyNames.count - 1
    }

    /// The number of an event's name, which is added where it is new and there is room.
    mutating func type(_ name: String, ofCatalogue: Bool = false) -> Int {
        let exact = ExactText(name)
        if let known = typeNumbers[exact] { return known }
        guard typeNames.count < (ofCatalogue ? Self.typesMax : Self.typesMadeUpMax) else { return 0 }
        typeNames.append(name)
        types.append(LedgerTally())
        typeNumbers[exact] = typeNames.count - 1
        return typeNames.count - 1
    }

    // MARK: Counting

    mutating func add(_ outcome: LedgerTally.Outcome, key: Int, type: Int, count: Int64 = 1) {
        keys[key][outcome] += count
        types[type][outcome] += count
    }

    /// A record of partition `partition` is counted.
    mutating func advance(_ partition: Int, to offset: Int64) { positions[partition] = max(positions[partition], offset) }

    /// Adds the figures of `other`.
    mutating func add(_ other: LedgerCounts) {
        for (number, name) in other.keyNames.enumerated() { keys[key(name)] += other.keys[number] }
        for (number, name) in other.typeNames.enumerated() { types[type(name)] += other.types[number] }
    }

    /// Replaces what no log says by what `other` has of it.
    package mutating func takeUnlogged(from other: LedgerCounts) {
        for outcome in LedgerTally.Outcome.allCases where !outcome.isInTheLog {
            for key in keys.indices { keys[key][outcome] = 0 }
            for type in types.indices { types[type][outcome] = 0 }
            for (number, name) in other.keyNames.enumerated() { keys[key(name)][outcome] += other.keys[number][outcome] }
            for (number, name) in other.typeNames.enumerated() { types[type(name)][outcome] += other.types[number][outcome] }
        }
    }

    /// For tests.
    package func checkInvariants() {
        for outcome in LedgerTally.Outcome.allCases {
            precondition(keys.reduce(0) { $0 + $1[outcome] } == types.reduce(0) { $0 + $1[outcome] }, "invariant 1")
        }
        precondition(typeNames[0] == Self.otherType && typeNames.count <= Self.typesMax, "invariant 2")
        precondition(total.received == types.reduce(0) { $0 + $1.received })
    }
}

// MARK: - As it is kept

extension LedgerCounts {
    /// `{"positions":[12,0],"keys":{"web":[10,0,2,0,0]},"types":{"other":[...],"search":[...]}}`: of each key and type what was
    /// stored, duplicate, rejected, limited, unavailable.
    package func encoded() -> [UInt8] {
        var text = GrowableBytes(capacity: 64 * (keys.count + types.count) + 8 * positions.count)
        text.append("{\"positions\":[")
        for (place, position) in positions.enumerated() {
            if place > 0 { text.append(",") }
            text.append(decimal: Int(position))
        }
        text.append("],\"keys\":")
        Self.append(keyNames, keys, to: &text)
        text.append(",\"types\":")
        Self.append(typeNames, types, to: &text)
        text.append("}")
        return Array(copying: text)
    }

    private static func append(_ names: [String], _ tallies: [LedgerTally], to text: inout GrowableBytes) {
        text.append("{")
        for (place, name) in names.enumerated() {
            if place > 0 { text.append(",") }
            JSONWriter.append(string: name, to: &text)
            text.append(":[")
            for outcome in LedgerTally.Outcome.allCases {
                if outcome.rawValue > 0 { text.append(",") }
                text.append(decimal: Int(tallies[place][outcome]))
            }
            text.append("]")
        }
        text.append("}")
    }

    /// nil for a text that is none of these, or one for another number of partitions.
    package init?(_ text: [UInt8], partitionCount: Int) {
        guard let document = try? JSONDocument(text) else { return nil }
        let read = document.withRoot { root -> LedgerCounts? in
            var counts = LedgerCounts(partitionCount: partitionCount)
            guard let positions = root.member("positions")?.elements.map(\.integer), positions.count == partitionCount,
                let keys = root.member("keys"), keys.isObject, let types = root.member("types"), types.isObject
            else { return nil }
            for (partition, position) in positions.enumerated() {
                guard let position, position >= 0 else { return nil }
                counts.positions[partition] = position
            }
            for (name, value) in keys.members {
                guard let name = name.string, let tally = Self.tally(value) else { return nil }
                counts.keys[counts.key(name)] += tally
            }
            for (name, value) in types.members {
                guard let name = name.string, let tally = Self.tally(value) else { return nil }
                counts.types[counts.type(name, ofCatalogue: true)] += tally
            }
            return counts
        }
        guard let read else { return nil }
        self = read
    }

    private static func tally(_ value: JSONValue) -> LedgerTally? {
        let counts = value.elements.map(\.integer)
        guard counts.count == LedgerTally.Outcome.allCases.count else { return nil }
        var tally = LedgerTally()
        for outcome in LedgerTally.Outcome.allCases {
            guard let count = counts[outcome.rawValue], count >= 0 else { return nil }
            tally[outcome] = count
        }
        return tally
    }
}
