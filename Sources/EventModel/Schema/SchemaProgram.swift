/// Schemas, compiled: what `SchemaEvaluation` runs over an event's values. Only numbers that point into tables, so that a step takes
/// no memory and counts no references. Made from `SchemaTables`, and then only read.
final class SchemaProgram: @unchecked Sendable {
    // Sendable: nothing changes once it is made.

    /// One schema.
    struct Node {
        /// The kinds that it takes.
        var kinds = KindSet.all
        /// Its instructions.
        var first: Int32 = 0
        var end: Int32 = 0
        /// The resource it stands in, which a `$dynamicRef` below it may lead back to.
        var resource: Int32 = 0

        /// Whether its last instruction asks what the others have evaluated.
        var asksForMarks = false

        /// Whether there is more to check than the kind.
        var hasInstructions: Bool { end > first }
    }

    enum Instruction {
        case reference(Int32)
        case dynamicReference(name: Int32, otherwise: Int32)
        case all(List)
        case any(List)
        case one(List)
        case not(Int32)
        case condition(test: Int32, then: Int32, otherwise: Int32)
        case members(Int32)
        case requiredMember(name: Int32)
        case memberCount(min: Int32, max: Int32)
        case memberNames(Int32)
        case dependentNames(ifPresent: Int32, names: List)
        case dependentSchema(ifPresent: Int32, node: Int32)
        /// The first ones each by its own schema, the others by `rest`.
        case elements(first: List, rest: Int32)
        case contains(Int32, min: Int32, max: Int32)
        case elementCount(min: Int32, max: Int32)
        case uniqueElements
        case textLength(min: Int32, max: Int32)
        case pattern(Int32)
        case format(SchemaFormat)
        case range(Int32)
        case multiple(Int32)
        case constant(Int32)
        case enumeration(List)
        case unevaluatedMembers(Int32)
        case unevaluatedElements(Int32)
    }

    /// A run of a table, mostly of `lists`.
    struct List {
        let first: Int32
        let count: Int32

        var range: Range<Int> { Int(first)..<Int(first) + Int(count) }
    }

    struct KindSet: Equatable {
        private(set) var bits: UInt16

        static let all = KindSet(bits: 0x1FF)
        static let none = KindSet(bits: 0)
        /// A double without a fraction, where `integer` is asked for.
        static let wholeDouble: UInt16 = 0x100

        static func of(_ kinds: JSONKind...) -> KindSet { KindSet(bits: kinds.reduce(0) { $0 | 1 << UInt16($1.rawValue) }) }

        func union(_ other: KindSet) -> KindSet { KindSet(bits: bits | other.bits) }
        func intersection(_ other: KindSet) -> KindSet { KindSet(bits: bits & other.bits) }

        func contains(_ kind: JSONKind) -> Bool { bits & 1 << UInt16(kind.rawValue) != 0 }

        @inline(__always)
        func contains(_ value: JSONValue) -> Bool {
            bits & value.kindBit != 0 || bits & Self.wholeDouble != 0 && value.isWholeDouble
        }

        /// The same without looking into a double.
        @inline(__always)
        func containsOnly(_ value: JSONValue) -> Bool { bits & value.kindBit != 0 }

        /// By the name that a schema gives to the kind.
        init?(name: String) {
            switch name {
            case "null": self = .of(.null)
            case "boolean": self = .of(.bool)
            case "integer": self = KindSet(bits: Self.of(.integer, .unsignedInteger).bits | Self.wholeDouble)
            case "number": self = .of(.integer, .unsignedInteger, .double)
            case "string": self = .of(.string)
            case "array": self = .of(.array)
            case "object": self = .of(.object)
            default: return nil
            }
        }

        private init(bits: UInt16) { self.bits = bits }
    }

    /// `properties`, `patternProperties`, `additionalProperties` and `required` of one schema.
    struct MemberRules {
        /// Of `memberNames`, in the order of the schema.
        var names: List
        /// Of `memberSlots`: the first place of `memberNames` by the hash of the name; -1 where there is none.
        var slots: List
        /// Of `lists`: a pattern and a node by turns.
        var patterns: List
        /// For a member that none of the others is for; `noNode` where any may be there.
        var additional: Int32
        /// A bit for each required name.
        var requiredBits: UInt64
    }

    struct MemberName {
        let mark: NameMark
        var requiredBit: UInt64
        /// Of `textRanges`.
        let text: Int32
        /// What else its value must be; `noNode` for nothing.
        var node: Int32
        /// The next of the same slot.
        var next: Int32
        /// Of `memberRules`, where the node asks for nothing else; otherwise -1.
        var rules: Int32
        /// What leaves no doubt that a value is what the node asks for.
        var sure: SureMeasures
        /// The kinds that its value may be of.
        var kinds: KindSet
        /// Its schema stands in `properties`; otherwise it is only required.
        var isProperty: Bool
    }

    /// Values of one kind that are good, by their measure: a string's bytes, a whole number itself.
    struct SureMeasures {
        static let none = SureMeasures(min: 1, max: 0, kind: .none)

        let min: Int32
        let max: Int32
        let kind: KindSet

        @inline(__always)
        func contains(_ value: JSONValue) -> Bool {
            guard kind.containsOnly(value) else { return false }
            let measure = value.isString ? value.stringBytes.count : Int(truncatingIfNeeded: value.integerBits)
            return measure >= min && measure <= max
        }
    }

    struct NumberRange {
        var min: JSONNumber?
        var max: JSONNumber?
        var exclusiveMin: JSONNumber?
        var exclusiveMax: JSONNumber?
    }

    struct Multiple {
        let divisor: JSONNumber
        let decimal: JSONDecimal?
    }

    static let noNode: Int32 = -1

    let nodes: FixedTable<Node>
    let instructions: FixedTable<Instruction>
    let lists: FixedTable<Int32>
    let texts: FixedTable<UInt8>
    let textRanges: FixedTable<List>
    let memberRules: FixedTable<MemberRules>
    let memberSlots: FixedTable<Int32>
    let memberNames: FixedTable<MemberName>
    let patterns: [SchemaPattern]
    let numberRanges: [NumberRange]
    let multiples: [Multiple]
    let constants: [JSONValue]
    let dynamicAnchors: [[Int32]]
    let usesDynamicScope: Bool
    /// What the constants stand in.
    private let documents: [JSONDocument]

    init(_ tables: SchemaTables) {
        nodes = FixedTable(tables.nodes)
        instructions = FixedTable(tables.instructions)
        lists = FixedTable(tables.lists)
        texts = FixedTable(tables.texts)
        textRanges = FixedTable(tables.textRanges)
        memberRules = FixedTable(tables.memberRules)
        memberSlots = FixedTable(tables.memberSlots)
        memberNames = FixedTable(tables.memberNames)
        patterns = tables.patterns
        numberRanges = tables.numberRanges
        multiples = tables.multiples
        constants = tables.constants
        dynamicAnchors = tables.dynamicAnchors
        usesDynamicScope = !tables.dynamicAnchors.isEmpty
        documents = tables.documents
    }

    deinit {
        nodes.deallocate()
        instructions.deallocate()
        lists.deallocate()
        texts.deallocate()
        textRanges.deallocate()
        memberRules.deallocate()
        memberSlots.deallocate()
        memberNames.deallocate()
    }

    // MARK: Names

    /// The place of `name` in `memberNames`; -1 where the rules do not know it.
    ///
    /// - Parameter guess: a place to look at first. Clients send members in the order that they are described in, so mostly it is right.
    @inline(__always)
    func memberName(_ rules: MemberRules, _ name: UnsafeRawBufferPointer, guess: Int32) -> Int32 {
        let mark = NameMark(name)
        if guess < rules.names.first &+ rules.names.count, isMemberName(guess, mark, name) { return guess }
        guard rules.slots.count > 0 else { return -1 }
        var place = memberSlots[Int(rules.slots.first) &+ mark.slot(of: Int(rules.slots.count))]
        while place >= 0, !isMemberName(place, mark, name) { place = memberNames[Int(place)].next }
        return place
    }

    @inline(__always)
    private func isMemberName(_ place: Int32, _ mark: NameMark, _ name: UnsafeRawBufferPointer) -> Bool {
        memberNames[Int(place)].mark == mark && (mark.isWhole || isText(memberNames[Int(place)].text, name))
    }

    func isText(_ number: Int32, _ bytes: UnsafeRawBufferPointer) -> Bool {
        let range = textRanges[Int(number)]
        return texts.bytes(Int(range.first), Int(range.count)).holdsSameBytes(as: bytes)
    }

    func text(_ number: Int32) -> String {
        let range = textRanges[Int(number)]
        return String(decoding: texts.bytes(Int(range.first), Int(range.count)), as: UTF8.self)
    }
}
