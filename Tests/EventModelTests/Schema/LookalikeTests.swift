import EventModel
import Testing

/// Names that Unicode calls equivalent are two names in JSON: é as one code point and as two. And a mark of JSON's own counts also where
/// Unicode draws it together with what follows.
@Suite struct LookalikeTests {
    static let one = "caf\u{E9}"
    static let two = "cafe\u{301}"

    static func found(_ schema: String, _ value: String) throws -> [String] {
        try SchemaTests.violations(schema, value).map { "\($0.path) \($0.keyword)" }
    }

    /// What is expected, byte by byte.
    static func expect(_ schema: String, _ value: String, _ expected: [String]) throws {
        let found = try found(schema, value)
        #expect(found.map { Array($0.utf8) } == expected.map { Array($0.utf8) }, "\(schema) \(value): \(found)")
    }

    @Test func twoPropertiesHaveRulesOfTheirOwn() throws {
        let schema = #"{"properties":{"\#(Self.one)":{"type":"string"},"\#(Self.two)":{"type":"integer"}}}"#
        try Self.expect(schema, #"{"\#(Self.one)":"x","\#(Self.two)":1}"#, [])
        try Self.expect(
            schema, #"{"\#(Self.one)":1,"\#(Self.two)":"x"}"#, ["/\(Self.one) type", "/\(Self.two) type"])
    }

    @Test func oneIsNoOther() throws {
        let (one, two) = (Self.one, Self.two)
        let cases: [(schema: String, value: String, expected: [String])] = [
            (#"{"required":["\#(one)","\#(two)"]}"#, #"{"\#(one)":1}"#, ["/\(two) required"]),
            (#"{"properties":{"\#(one)":true},"required":["\#(two)"]}"#, #"{"\#(one)":1}"#, ["/\(two) required"]),
            (
                #"{"properties":{"\#(one)":true},"additionalProperties":false}"#, #"{"\#(two)":1}"#,
                ["/\(two) additionalProperties"]
            ),
            (
                #"{"dependentRequired":{"\#(one)":["a"],"\#(two)":["\#(one)","\#(two)"]}}"#, #"{"\#(two)":1}"#,
                ["/\(one) dependentRequired"]
            ),
            (
                #"{"dependentSchemas":{"\#(one)":{"required":["a"]},"\#(two)":{"required":["b"]}}}"#, #"{"\#(two)":1}"#,
                ["/b required"]
            ),
            (#"{"enum":["\#(one)"]}"#, #""\#(two)""#, [" enum"]), (#"{"enum":["\#(one)","\#(two)"]}"#, #""\#(two)""#, []),
            (#"{"const":{"\#(one)":1}}"#, #"{"\#(two)":1}"#, [" const"]),
            (#"{"uniqueItems":true}"#, #"["\#(one)","\#(two)"]"#, []),
            (#"{"properties":{"a":{"pattern":"^\#(one)$"},"b":{"pattern":"^\#(two)$"}}}"#, #"{"a":"\#(one)","b":"\#(two)"}"#, []),
            (##"{"$defs":{"\##(one)":{"type":"null"},"\##(two)":{"type":"string"}},"$ref":"#/$defs/\##(two)"}"##, #""x""#, []),
            (
                ##"{"$defs":{"a":{"$anchor":"\##(one)","type":"null"},"b":{"$anchor":"\##(two)"}},"$ref":"#\##(two)"}"##, #""x""#,
                []
            ),
            (#"{"$defs":{"a":{"$id":"\#(one)","type":"null"},"b":{"$id":"\#(two)"}},"$ref":"\#(two)"}"#, #""x""#, []),
        ]
        for (schema, value, expected) in cases { try Self.expect(schema, value, expected) }
    }

    @Test func marksCountBeforeACombiningOne() throws {
        let accent = "\u{301}"
        let cases: [(schema: String, value: String, expected: [String])] = [
            (##"{"$defs":{"\##(accent)":{"type":"null"}},"$ref":"#/$defs/\##(accent)"}"##, "1", [" type"]),
            (##"{"$defs":{"~\##(accent)":{"type":"null"}},"$ref":"#/$defs/~0\##(accent)"}"##, "1", [" type"]),
            (#"{"properties":{"/\#(accent)":{"type":"null"}}}"#, #"{"/\#(accent)":1}"#, ["/~1\(accent) type"]),
            (#"{"pattern":"^\\u00e9\#(accent)$"}"#, "\"\u{E9}\(accent)\"", []),
            (#"{"pattern":"^\\u{e9}\#(accent)\\x41\#(accent)\\p{L}\#(accent)$"}"#, "\"\u{E9}\(accent)A\(accent)b\(accent)\"", []),
            (#"{"$defs":{"a":{"$id":"\#(accent)/x","type":"null"}},"$ref":"\#(accent)/x"}"#, "1", [" type"]),
        ]
        for (schema, value, expected) in cases { try Self.expect(schema, value, expected) }
    }

    @Test func twoEventsHaveSchemasOfTheirOwn() throws {
        let files = [Self.one, Self.two].enumerated().map {
            CatalogueTests.file("\($1).json", #"{"properties":{"properties":{"required":["\#($0)"]}}}"#)
        }
        let catalogue = try Catalogue(CatalogueFile.builtIn + files)
        #expect(catalogue.events.count == 62)
        for (number, name) in [Self.one, Self.two].enumerated() {
            let event = #"{"event":"\#(name)","userId":"u","properties":{}}"#
            #expect(try CatalogueTests.violations(event, catalogue).map(\.path) == ["/properties/\(number)"])
        }
    }
}
