import EventModel
import TestSupport
import Testing

/// A member's rule is found wherever the member stands, whatever its neighbours are called, and whichever schema says it.
@Suite struct MemberOrderTests {
    /// Some of which have the length, the first eight bytes and the last eight of others.
    static let names =
        ["", "a", "b", "ab", "ba", "\u{E9}", "eight888", "nine99999"] + (0..<8).map { "sixteen-bytes-0\($0)" }
        + (0..<8).map { "same-beginning-\($0)-same-ending" } + (0..<8).map { "same-beginning-\($0)-same-ending-longer" }

    /// What each name's value must be: its number modulo 3 says.
    static let types = ["string", "integer", "boolean"]
    static let values = [#""text""#, "7", "true"]

    static func properties(_ numbers: some Sequence<Int>) -> String {
        numbers.map { #""\#(names[$0])":{"type":"\#(types[$0 % 3])","minLength":4}"# }.joined(separator: ",")
    }

    @Test func membersInAnyOrderAreHeldToTheirOwnRules() throws {
        let all = Self.names.indices
        let theirs = all.filter { $0.isMultiple(of: 2) }
        let ours = all.filter { !$0.isMultiple(of: 2) || $0.isMultiple(of: 3) }
        let schemas = [
            #"{"properties":{\#(Self.properties(all))}}"#,
            // Both say something of every third of theirs.
            ##"{"$defs":{"d":{"properties":{\##(Self.properties(theirs))}}},"$ref":"#/$defs/d","properties":{\##(Self.properties(ours))}}"##,
        ]
        var random = SeededGenerator(seed: 5)
        for schema in schemas {
            for _ in 0..<500 {
                let chosen = all.shuffled(using: &random).prefix(Int.random(in: 0...all.count, using: &random))
                let given = chosen.map { Int.random(in: 0..<6, using: &random) == 0 ? ($0, ($0 + 1) % 3) : ($0, $0 % 3) }
                let unknown = chosen.filter { _ in Int.random(in: 0..<8, using: &random) == 0 }.map {
                    #""\#(Self.names[$0])?":null"#
                }
                let members = given.map { #""\#(Self.names[$0])":\#(Self.values[$1])"# } + unknown
                let value = "{\(members.shuffled(using: &random).joined(separator: ","))}"
                let expected = given.filter { $1 != $0 % 3 }.map { "/\(Self.names[$0.0])" }
                let found = try SchemaTests.violations(schema, value)
                #expect(Set(found.map(\.path)) == Set(expected), "\(value)")
                #expect(found.allSatisfy { $0.keyword == "type" })
            }
        }
    }
}
