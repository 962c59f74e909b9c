import EventModel
import TestSupport
import Testing

/// A member's rule is found wherever the member stands, whatever its neighbours are called, and whichever schema says it.
@Suite struct MemberTests {
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

    /// What a member's rule can tell at a glance is what its schema says of the same value elsewhere.
    @Test func aMemberIsHeldToWhatItsSchemaSaysOfAnyValue() throws {
        let bounds = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"]
        let limits = ["0", "-1", "0.5", "5", "5.0", "2147483647", "2147483648", "-2147483649", "9223372036854775807", "1e30"]
        let lengths = ["0", "1", "2", "3", "1073741824", "4294967296"]
        var schemas = [
            "true", "false", #"{"type":"integer","minimum":0,"maximum":5}"#,
            #"{"minLength":2,"maxLength":3,"type":["string","null"]}"#,
        ]
        schemas += bounds.flatMap { bound in limits.map { #"{"\#(bound)":\#($0)}"# } }
        schemas += ["minLength", "maxLength"].flatMap { bound in lengths.map { #"{"\#(bound)":\#($0)}"# } }
        schemas += [
            #"{"properties":{"b":{"minimum":1}},"required":["b"]}"#, #"{"type":"object","additionalProperties":{"maxLength":1}}"#,
            #"{"properties":{"b":{"minimum":1}},"minProperties":2}"#, #"{"properties":{"b":true},"unevaluatedProperties":false}"#,
        ]
        let values =
            limits + [
                "0.0", "-0.0", "4294967296", "18446744073709551615", "-9223372036854775808", "1", "2", "null", "true", "[]",
            ]
            + [#""""#, #""a""#, #""ab""#, #""abc""#, #""abcd""#, #""\u00e9""#, #""éé""#, #""🚗🚗""#, #""🚗🚗🚗🚗""#]
            + ["{}", #"{"b":0}"#, #"{"b":1}"#, #"{"b":"ab"}"#, #"{"b":1,"c":"x"}"#, #"{"c":"xy"}"#]
        for schema in schemas {
            for value in values {
                let alone = try SchemaTests.violations(schema, value)
                let member = try SchemaTests.violations(#"{"properties":{"a":\#(schema)}}"#, #"{"a":\#(value)}"#)
                #expect(alone.map { "/a" + $0.path } == member.map(\.path), "\(schema) \(value)")
            }
        }
    }
}
