/// Schemas, compiled: what `SchemaEvaluation` runs over an event's values. Only numbers that point into tables, so that a step takes
/// no memory and counts no references.
struct SchemaProgram {
    /// One schema.
    struct Node {
        /// The kinds that it takes.
        var kinds = KindSet.all
        /// Its instructions.
        var first: Int32 = 0
        var end: Int32 = 0
        /// The resource it stands in, which a `$dynamicRef` below it may lead back to.
        var resource: Int32 = 0

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

    /// A run of `lists`.
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
            bits & 1 << UInt16(truncatingIfNeeded: value.kind.rawValue) != 0
                || bits & Self.wholeDouble != 0 && value.isWholeDouble
        }

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
        /// Of `memberNames`, by the hash of the name; -1 where there is none.
        var slots: Range<Int>
        /// Of `lists`: a pattern and a node by turns.
        var patterns: List
        /// For a member that none of the others is for; `noNode` where any may be there.
        var additional: Int32
        /// A bit for each required name.
        var requiredBits: UInt64
    }

    struct MemberName {
        let name: Int32
        let mark: UInt64
        /// The kinds that its value may be of.
        var kinds: KindSet
        /// What else its value must be; `noNode` for nothing.
        var node: Int32
        /// Its schema stands in `properties`; otherwise it is only required.
        var isProperty: Bool
        var requiredBit: UInt64
        /// The next of the same slot.
        var next: Int32
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

    var nodes: [Node] = []
    var instructions: [Instruction] = []
    var lists: [Int32] = []
    /// Names and texts, one behind the other.
    var texts: [UInt8] = []
    var textRanges: [Range<Int>] = []
    var memberRules: [MemberRules] = []
    var memberSlots: [Int32] = []
    var memberNames: [MemberName] = []
    var patterns: [SchemaPattern] = []
    var numberRanges: [NumberRange] = []
    var multiples: [Multiple] = []
    var constants: [JSONValue] = []
    /// What the constants stand in.
    var documents: [JSONDocument] = []
    /// For each name of a dynamic anchor, the node that has it in each resource, or `noNode`.
    var dynamicAnchors: [[Int32]] = []
    var dynamicAnchorNames: [String] = []

    var usesDynamicScope: Bool { !dynamicAnchors.isEmpty }

    // MARK: Names

    /// The same for the same name, and rarely for two.
    @inline(__always)
    static func mark(_ name: UnsafeRawBufferPointer) -> UInt64 {
        guard let start = name.baseAddress, name.count > 0 else { return 0 }
        var mark = UInt64(truncatingIfNeeded: name.count) &* 0x9E37_79B9_7F4A_7C15
        if name.count >= 8 {
            let last = start.loadUnaligned(fromByteOffset: name.count &- 8, as: UInt64.self)
            mark ^= start.loadUnaligned(as: UInt64.self) ^ (last &<< 29 | last &>> 35)
        } else if name.count >= 4 {
            let last = start.loadUnaligned(fromByteOffset: name.count &- 4, as: UInt32.self)
            mark ^= UInt64(start.loadUnaligned(as: UInt32.self)) | UInt64(last) &<< 32
        } else {
            mark ^= UInt64(name[0]) | UInt64(name[name.count &>> 1]) &<< 8 | UInt64(name[name.count &- 1]) &<< 16
        }
        return mark
    }

    /// The slot of a name among `count`, a power of two.
    @inline(__always)
    static func slot(_ mark: UInt64, count: Int) -> Int {
        Int(truncatingIfNeeded: (mark &* 0x9E37_79B9_7F4A_7C15) &>> 40) & (count &- 1)
    }

    func memberName(_ rules: MemberRules, _ name: UnsafeRawBufferPointer) -> Int32 {
        guard !rules.slots.isEmpty else { return -1 }
        let mark = Self.mark(name)
        var place = memberSlots[rules.slots.lowerBound &+ Self.slot(mark, count: rules.slots.count)]
        while place >= 0 {
            let known = memberNames[Int(place)]
            if known.mark == mark, isText(known.name, name) { return place }
            place = known.next
        }
        return -1
    }

    @inline(__always)
    func isText(_ number: Int32, _ bytes: UnsafeRawBufferPointer) -> Bool {
        let range = textRanges[Int(number)]
        return range.count == bytes.count
            && texts.withUnsafeBytes { UnsafeRawBufferPointer(rebasing: $0[range]).holdsSameBytes(as: bytes) }
    }

    func text(_ number: Int32) -> String { String(decoding: texts[textRanges[Int(number)]], as: UTF8.self) }
}
