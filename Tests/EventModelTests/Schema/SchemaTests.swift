import EventModel
import Testing

@Suite struct SchemaTests {
    static func compile(_ schema: String) throws(SchemaError) -> JSONSchemas {
        try JSONSchemas(
            [.init(try! JSONDocument(Array(schema.utf8)), uri: "test:/schema.json", file: "schema.json")], assertsFormats: true)
    }

    static func violations(_ schema: String, _ value: String) throws -> [EventViolation] {
        let schemas = try compile(schema)
        return try JSONDocument(Array(value.utf8)).withRoot { value in
            let found = schemas.violations(of: value, schemas.roots[0], max: 16)
            #expect(schemas.accepts(value, schemas.roots[0]) == found.isEmpty)
            return found
        }
    }

    // MARK: Hostile schemas

    @Test(arguments: [
        ##"{"$ref":"#"}"##,
        ##"{"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"allOf":[{"$ref":"#/$defs/a"}]}},"$ref":"#/$defs/a"}"##,
        ##"{"anyOf":[true,{"not":{"$ref":"#"}}]}"##,
        ##"{"if":{"$ref":"#"}}"##,
        ##"{"dependentSchemas":{"x":{"$ref":"#"}}}"##,
        ##"{"$dynamicAnchor":"a","$dynamicRef":"#a"}"##,
    ])
    func aSchemaThatRefersToItselfForTheSameValueIsRefused(schema: String) {
        let error = #expect(throws: SchemaError.self) { try Self.compile(schema) }
        #expect(error?.message.contains("refers to itself") == true, "\(String(describing: error))")
    }

    @Test func aSchemaThatRefersToItselfForSmallerValuesIsNot() throws {
        let tree = ##"{"type":"object","properties":{"left":{"$ref":"#"},"right":{"$ref":"#"}},"additionalProperties":false}"##
        #expect(try Self.violations(tree, #"{"left":{"right":{}},"right":{"left":{"left":{}}}}"#) == [])
        #expect(try Self.violations(tree, #"{"left":{"right":{"x":1}}}"#).map(\.path) == ["/left/right/x"])
    }

    @Test(arguments: [(20, true), (200, false)])
    func howManySchemasMayFollowOneAnotherForTheSameValueIsBounded(count: Int, isCompiled: Bool) {
        let steps = (0..<count).map { ##""\##($0)":{"$ref":"#/$defs/\##($0 + 1)"}"## }.joined(separator: ",")
        let schema = ##"{"$defs":{\##(steps),"\##(count)":true},"$ref":"#/$defs/0"}"##
        #expect(((try? Self.compile(schema)) != nil) == isCompiled)
    }

    @Test func stepsThatDoubleAgainAndAgainEnd() throws {
        let count = 20
        let steps = (0..<count).map { ##""\##($0)":{"allOf":[{"$ref":"#/$defs/\##($0 + 1)"},{"$ref":"#/$defs/\##($0 + 1)"}]}"## }
        for negated in [false, true] {
            let start = ##"{"$ref":"#/$defs/0"}"##
            let schema =
                ##"{"$defs":{\##(steps.joined(separator: ",")),"\##(count)":true},"properties":{"a":\##(negated ? #"{"not":\#(start)}"# : start)}}"##
            let found = try Self.violations(schema, #"{"a":1}"#)
            #expect(found.map(\.keyword) == ["limit"], "\(found)")
        }
    }

    @Test(arguments: [
        #"{"anyOf":[\#(start),{"type":"null"}]}"#, #"{"oneOf":[\#(start),\#(start)]}"#, #"{"not":\#(start)}"#,
        #"{"if":\#(start),"then":false,"else":false}"#, #"{"patternProperties":{"c":\#(start)},"required":["d"]}"#,
        #"{"contains":\#(start)}"#, #"{"propertyNames":\#(start)}"#, #"{"dependentSchemas":{"c":\#(start)}}"#,
        #"{"allOf":[\#(start),{"enum":[1]}]}"#, #"{"properties":{"c":\#(start)},"additionalProperties":{"type":"null"}}"#,
    ])
    func whatTakesTooManyStepsIsToldAsThat(schema: String) throws {
        let count = 20
        let steps = (0..<count).map { ##""\##($0)":{"allOf":[{"$ref":"#/$defs/\##($0 + 1)"},{"$ref":"#/$defs/\##($0 + 1)"}]}"## }
        let whole =
            ##"{"$defs":{\##(steps.joined(separator: ",")),"\##(count)":true},"required":["z"],"properties":{"a":\##(schema),"b":{"type":"null"}}}"##
        for value in [#"{"c":1,"e":1}"#, "[1]"] {
            // What was found before it holds.
            let isReached =
                value == "[1]" ? !schema.contains(#""c""#) && !schema.contains("propertyNames") : !schema.contains("contains")
            let found = try Self.violations(whole, #"{"b":1,"a":\#(value)}"#).map { "\($0.path) \($0.keyword)" }
            #expect(found == (isReached ? ["/b type", " limit"] : ["/b type", "/z required"]), "\(schema) \(value)")
        }
    }

    static let start = ##"{"$ref":"#/$defs/0"}"##

    @Test func aPatternTakesTimeInProportionToTheText() throws {
        // 2^60 steps for one that goes back and forth.
        let text = String(repeating: "a", count: 30_000) + "b"
        #expect(try Self.violations(#"{"pattern":"^(a+)+$"}"#, "\"\(text)\"").map(\.keyword) == ["pattern"])
        #expect(try Self.violations(#"{"pattern":"^(a|a)*b$"}"#, "\"\(text)\"") == [])
    }

    @Test func manyElementsAreComparedWithoutASquare() throws {
        let numbers = (0..<200_000).map(String.init).joined(separator: ",")
        #expect(try Self.violations(#"{"uniqueItems":true}"#, "[\(numbers)]") == [])
        let found = try Self.violations(#"{"uniqueItems":true}"#, "[\(numbers),199999.0]")
        #expect(found.map(\.keyword) == ["uniqueItems"] && found[0].path == "/200000" || found[0].path == "/199999")
    }

    // MARK: Patterns

    @Test(arguments: [
        (#"^\\d+$"#, "12", true), (#"^\\d+$"#, "১২", false), (#"^\\s$"#, "\u{A0}", true), (#"^\\s$"#, "\u{FEFF}", true),
        (#"^\\S$"#, "\u{3000}", false), (#"^\\S$"#, "é", true), (#"^[\\s\\d]+$"#, "1\u{2003}2", true),
        (#"^[^\\s]+$"#, "a\u{2028}", false),
        (#"^\\w+$"#, "abc_1", true), (#"^\\w$"#, "é", false), (#"^\\p{Letter}+$"#, "éñ", true), (#"^\\p{Lu}$"#, "Ñ", true),
        (#"^\\P{L}$"#, "1", true), (#"^\\p{Script=Greek}$"#, "π", true), (#"^\\u00e9$"#, "é", true),
        (#"^\\ud83d\\ude97$"#, "🚗", true),
        (#"^\\u{1F697}$"#, "🚗", true), (#"^\\x41\\cI$"#, "A\\t", true), (#"^.$"#, "🚗", true), (#"^a.c$"#, "a\\nc", false),
        (#"a$"#, "a\\n", false), (#"^(?<year>\\d{4})-(?:\\d\\d)$"#, "2026-01", true), (#"^[^]$"#, "\\n", true),
        (#"^[]$"#, "a", false),
        (#"^[[]$"#, "[", true), (#"^a\\/b$"#, "a/b", true), (#"^[\\b]$"#, "\\b", true), (#"^\\p{ASCII}+$"#, "a~", true),
        (#"^[\\p{ASCII}é]+$"#, "aé", true), (#"\\bok\\b"#, "it is ok.", true),
    ])
    func patternsAreThoseOfECMAScript(pattern: String, text: String, matches: Bool) throws {
        let found = try Self.violations(#"{"pattern":"\#(pattern)"}"#, "\"\(text)\"")
        #expect(found.isEmpty == matches)
    }

    @Test(arguments: [
        (#"(?=a)b"#, "look-around"), (#"(?<!a)b"#, "look-around"), (#"(a)\\1"#, "reference back"), (#"\\k<a>"#, "reference back"),
        (#"["#, "]"), (#"(("#, "missing"), (#"a\\"#, "backslash"), (#"\\q"#, "unknown escape"), (#"\\p{Nonsense}"#, "Nonsense"),
        (#"\\u{110000}"#, "code point"), (#"(a{1000}){1000}"#, ""), (#"\\xg0"#, "hexadecimal"),
    ])
    func patternsThatCannotBeUsedAreRefusedWithTheReason(pattern: String, reason: String) {
        let error = #expect(throws: SchemaError.self) { try Self.compile(#"{"properties":{"a":{"pattern":"\#(pattern)"}}}"#) }
        #expect(error?.pointer == "/properties/a/pattern")
        #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
    }

    // MARK: Numbers

    @Test(arguments: [
        (#"{"minimum":9007199254740993}"#, "9007199254740992", false),
        (#"{"minimum":9007199254740993}"#, "9007199254740993", true),
        (#"{"maximum":18446744073709551615}"#, "18446744073709551615", true), (#"{"exclusiveMaximum":1}"#, "0.9999999999", true),
        (#"{"exclusiveMaximum":1}"#, "1.0", false), (#"{"exclusiveMinimum":-0.5}"#, "-0.5", false),
        (#"{"maximum":1e300}"#, "1e299", true),
        (#"{"maximum":1e300}"#, "9223372036854775807", true), (#"{"minimum":1e300}"#, "9223372036854775807", false),
        (#"{"multipleOf":0.01}"#, "19.99", true), (#"{"multipleOf":0.01}"#, "19.999", false),
        (#"{"multipleOf":0.1}"#, "1e30", true),
        (#"{"multipleOf":3}"#, "1e22", false), (#"{"multipleOf":2e10}"#, "6e20", true), (#"{"multipleOf":1e10}"#, "5", false),
        (#"{"multipleOf":7}"#, "-49", true), (#"{"const":1}"#, "1.0", true), (#"{"const":1.5}"#, "15e-1", true),
        (#"{"const":0}"#, "-0.0", true),
        (#"{"type":"integer"}"#, "1e3", true), (#"{"type":"integer"}"#, "1.5", false), (#"{"enum":[1,2.5]}"#, "2.50", true),
    ])
    func numbersAreComparedByTheirExactValue(schema: String, value: String, isValid: Bool) throws {
        #expect(try Self.violations(schema, value).isEmpty == isValid)
    }

    // MARK: Words

    @Test(arguments: [
        (#"{"minLength":2}"#, #""é""#, "minLength", "must have at least 2 characters"),
        (#"{"maxLength":1}"#, #""ab""#, "maxLength", "must not be longer than 1 character"),
        (#"{"enum":["a",1,null]}"#, "2", "enum", #"must be one of "a", 1, null"#),
        (#"{"const":{"a":[1]}}"#, "2", "const", #"must be {"a":[1]}"#),
        (#"{"not":{"type":"null"}}"#, "null", "not", "must not be of the form that is excluded here"),
        (#"{"minItems":1}"#, "[]", "minItems", "must have at least 1 element"),
        (#"{"maxProperties":0}"#, #"{"a":1}"#, "maxProperties", "must have at most 0 members"),
        (
            #"{"contains":{"type":"null"},"minContains":2}"#, "[null]", "contains",
            "must hold at least 2 elements of the form asked for here"
        ),
        (#"{"multipleOf":0.01}"#, "0.001", "multipleOf", "must be a multiple of 0.01"),
        (#"{"exclusiveMinimum":0}"#, "0", "exclusiveMinimum", "must be greater than 0"),
        (
            #"{"oneOf":[{"type":"integer"},{"minimum":2}]}"#, "3", "oneOf",
            "is of more than one of the forms that exclude each other here"
        ),
        (
            #"{"oneOf":[{"type":"string"},{"type":"null"}]}"#, "3", "oneOf",
            "must be a string, not a whole number, or must be null, not a whole number"
        ),
        (#"{"format":"uuid"}"#, #""x""#, "format", "must be a UUID"),
        (#"false"#, "1", "not", "is not allowed here"),
        (#"{"type":["integer","boolean"]}"#, "1.5", "type", "must be a whole number or true or false, not a number"),
    ])
    func whatIsWrongIsSaidInPlainWords(schema: String, value: String, keyword: String, message: String) throws {
        #expect(try Self.violations(schema, value) == [.init(path: "", keyword: keyword, message: message)])
    }

    @Test(arguments: [
        (#"{"additionalProperties":false,"properties":{"a":true}}"#, #"{"a":1,"b/~c":2}"#, "/b~1~0c", "additionalProperties"),
        (#"{"items":false}"#, "[1]", "/0", "items"),
        (#"{"unevaluatedProperties":false}"#, #"{"x":1}"#, "/x", "unevaluatedProperties"),
        (#"{"prefixItems":[true],"unevaluatedItems":false}"#, "[1,2]", "/1", "unevaluatedItems"),
        (#"{"propertyNames":{"maxLength":1}}"#, #"{"ab":1}"#, "/ab", "propertyNames"),
        (#"{"dependentRequired":{"a":["b"]}}"#, #"{"a":1}"#, "/b", "dependentRequired"),
        (#"{"patternProperties":{"^n":{"type":"number"}}}"#, #"{"name":"x"}"#, "/name", "type"),
        (#"{"items":{"items":{"required":["x"]}}}"#, "[[],[{}]]", "/1/0/x", "required"),
    ])
    func whereItIsWrongIsAJSONPointer(schema: String, value: String, path: String, keyword: String) throws {
        let found = try Self.violations(schema, value)
        #expect(found.map(\.path) == [path] && found.map(\.keyword) == [keyword], "\(found)")
    }

    /// `false` has no keyword of its own.
    @Test(arguments: [
        (#"{"properties":{"a":false}}"#, #"{"a":1}"#, "/a", "properties"),
        (#"{"patternProperties":{"a":false}}"#, #"{"a":1}"#, "/a", "patternProperties"),
        (#"{"additionalProperties":false}"#, #"{"a":1}"#, "/a", "additionalProperties"),
        (#"{"prefixItems":[true,false]}"#, "[1,2]", "/1", "prefixItems"), (#"{"items":false}"#, "[1]", "/0", "items"),
        (#"{"contains":false}"#, "[1]", "", "contains"), (#"{"propertyNames":false}"#, #"{"a":1}"#, "/a", "propertyNames"),
        (#"{"allOf":[true,false]}"#, "1", "", "allOf"), (#"{"anyOf":[false,false]}"#, "1", "", "anyOf"),
        (#"{"oneOf":[false]}"#, "1", "", "oneOf"), (#"{"not":true}"#, "1", "", "not"),
        (#"{"if":true,"then":false}"#, "1", "", "then"), (#"{"if":false,"else":false}"#, "1", "", "else"),
        (#"{"dependentSchemas":{"a":false}}"#, #"{"a":1}"#, "", "dependentSchemas"),
        (##"{"$defs":{"a":false},"properties":{"b":{"$ref":"#/$defs/a"}}}"##, #"{"b":1}"#, "/b", "$ref"),
        (
            ##"{"$defs":{"a":{"properties":{"b":false}}},"properties":{"b":{}},"$ref":"#/$defs/a"}"##, #"{"b":1}"#, "/b",
            "properties"
        ),
        (#"{"unevaluatedProperties":false}"#, #"{"a":1}"#, "/a", "unevaluatedProperties"),
        (#"{"unevaluatedItems":false}"#, "[1]", "/0", "unevaluatedItems"),
        // No `false`, but what two schemas ask for.
        (
            ##"{"$defs":{"a":{"properties":{"b":{"type":"string"}}}},"properties":{"b":{"type":"null"}},"$ref":"#/$defs/a"}"##,
            #"{"b":"x"}"#, "/b", "type"
        ),
    ])
    func aSchemaThatIsFalseIsToldByWhatAppliesIt(schema: String, value: String, path: String, keyword: String) throws {
        let found = try Self.violations(schema, value)
        #expect(found.map(\.path) == [path] && found.map(\.keyword) == [keyword], "\(found)")
    }

    @Test func moreThan64RequiredNamesAreAllAskedFor() throws {
        let names = (0..<100).map { "\"n\($0)\"" }
        let schema = #"{"required":[\#(names.joined(separator: ","))]}"#
        #expect(try Self.violations(schema, "{\(names.map { "\($0):1" }.joined(separator: ","))}") == [])
        for missing in [0, 63, 64, 99] {
            let some = names.enumerated().filter { $0.offset != missing }.map { "\($0.element):1" }
            #expect(try Self.violations(schema, "{\(some.joined(separator: ","))}").map(\.path) == ["/n\(missing)"])
        }
    }

    @Test(arguments: [
        (#"{"required":"a"}"#, "/required"), (#"{"required":["a","a"]}"#, "/required"), (#"{"minLength":-1}"#, "/minLength"),
        (#"{"maxItems":1.5}"#, "/maxItems"), (#"{"enum":1}"#, "/enum"), (#"{"multipleOf":0}"#, "/multipleOf"),
        (#"{"properties":[]}"#, "/properties"), (#"{"allOf":[]}"#, "/allOf"), (#"{"items":[true]}"#, "/items"),
        (#"{"$id":"a#b"}"#, "/$id"), (#"{"$ref":5}"#, "/$ref"), (#"{"type":[]}"#, "/type"), (#"{"format":1}"#, "/format"),
        (#"{"$defs":{"a":{"$id":"x"},"b":{"$id":"x"}}}"#, "/$defs/b/$id"),
        (#"{"$defs":{"a":{"$anchor":"x"},"b":{"$anchor":"x"}}}"#, "/$defs/b/$anchor"),
        (#"{"uniqueItems":1}"#, "/uniqueItems"), (#"{"dependentRequired":{"a":"b"}}"#, "/dependentRequired"),
        (#"{"not":7}"#, "/not"), (#"{"$defs":{"a":{"minimum":"1"}}}"#, "/$defs/a/minimum"), (#"{"$defs":[]}"#, "/$defs"),
        (#"{"definitions":{"a":{"$defs":{"b/c":{"type":"text"}}}}}"#, "/definitions/a/$defs/b~1c/type"),
        (##"{"$defs":{"a":{"$ref":"#/$defs/b"}}}"##, "/$defs/a/$ref"), (#"{"$defs":{"a":5}}"#, "/$defs/a"),
        (##"{"$defs":{"a":{"$ref":"#/$defs/a"}}}"##, "/$defs/a"),
        (#"{"type":"string","minLength":1,"type":"null"}"#, "/type"),
        (#"{"properties":{"a":{"properties":{"b":{"minimum":1,"minimum":2}}}}}"#, "/properties/a/properties/b/minimum"),
        (#"{"properties":{"a/b":{},"c":{},"a/b":{}}}"#, "/properties/a~1b"),
        (#"{"anyOf":[true,{"const":{"x":[{"y":1,"y":2}]}}]}"#, "/anyOf/1/const/x/0/y"), (#"{"\u0061":1,"a":2}"#, "/a"),
    ])
    func aBrokenKeywordIsToldWithItsPointer(schema: String, pointer: String) {
        let error = #expect(throws: SchemaError.self) { try Self.compile(schema) }
        #expect(error?.pointer == pointer)
        #expect(error?.file == "schema.json")
    }
}
