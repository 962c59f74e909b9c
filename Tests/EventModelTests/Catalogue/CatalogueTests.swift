import AllocationCounter
import EventModel
import TestSupport
import Testing

@Suite struct CatalogueTests {
    static let builtIn = try! Catalogue(CatalogueFile.builtIn)

    static func violations(_ event: JSONValue, _ catalogue: Catalogue = builtIn) -> [EventViolation] {
        var violations: [EventViolation] = []
        let name = event.member("event")!
        catalogue.check(event, named: name.stringBytes, into: &violations)
        return violations
    }

    static func violations(_ event: String, _ catalogue: Catalogue = builtIn) throws -> [EventViolation] {
        try JSONDocument(Array(event.utf8)).withRoot { violations($0, catalogue) }
    }

    static func lines(_ fixture: String) throws -> [JSONDocument] {
        try Fixtures.bytes("catalogue/\(fixture)").split(separator: UInt8(ascii: "\n")).map { try JSONDocument(Array($0)) }
    }

    static func file(_ name: String, _ text: String) -> CatalogueFile {
        CatalogueFile(name: name, text: Array(text.utf8), origin: "mine/\(name)")
    }

    // MARK: The built-in events

    @Test func everyEventOfTheSourceIsThere() {
        let names = Set(Self.builtIn.events.map(\.name))
        #expect(names.count == 60)
        for name in [
            "page_view", "vehicle_360_view", "search_no_results", "chat_message", "subscription_cancel", "analytics_view",
        ] {
            #expect(names.contains(name))
        }
        for name in ["identify", "click", "form_submit", "scroll", "visibility", "error", "okla_client_discarded"] {
            #expect(names.contains(name))
        }
        #expect(Self.builtIn.events.allSatisfy { $0.description.count > 10 })
    }

    @Test func eventsThatFitAreAccepted() throws {
        let lines = try Self.lines("valid.ndjson")
        #expect(lines.count > 300)
        for line in lines {
            line.withRoot { line in
                let event = line.member("event")!
                #expect(Self.violations(event) == [], "\(String(decoding: event.source, as: UTF8.self))")
            }
        }
    }

    @Test func eventsThatDoNotFitAreToldWhereAndWhy() throws {
        let lines = try Self.lines("invalid.ndjson")
        #expect(lines.count > 500)
        for line in lines {
            line.withRoot { line in
                let event = line.member("event")!
                let found = Self.violations(event)
                #expect(
                    found.map(\.path) == [line.member("path")!.string!]
                        && found.map(\.keyword) == [line.member("keyword")!.string!],
                    "\(String(decoding: event.source, as: UTF8.self)): \(found)")
            }
        }
    }

    @Test(arguments: ["schema-base", "identify", "call-identify", "call-lead-form-submit", "call-vehicle-view"])
    func theSourcesExamplesAreAccepted(name: String) throws {
        let event = try JSONDocument(try Fixtures.bytes("source-examples/\(name).json"))
        #expect(event.withRoot { Self.violations($0) } == [])
    }

    @Test func violationsAreInPlainWords() throws {
        let event = """
            {"event":"page_leave","userId":"u","timestamp":"yesterday","context":{"screen":{"width":-1}},
             "properties":{"url":7,"duration":"3","scrollDepth":101}}
            """
        #expect(
            try Self.violations(event) == [
                .init(
                    path: "/timestamp", keyword: "anyOf",
                    message: "must be a date-time such as 2026-01-21T10:30:45Z, or must be a date such as 2026-01-21"),
                .init(path: "/context/screen/width", keyword: "minimum", message: "must be at least 0"),
                .init(path: "/properties/url", keyword: "type", message: "must be a string, not a whole number"),
                .init(path: "/properties/duration", keyword: "type", message: "must be a number or null, not a string"),
                .init(path: "/properties/scrollDepth", keyword: "maximum", message: "must be at most 100"),
            ])
        #expect(
            try Self.violations(#"{"event":"vehicle_view","userId":"u"}"#)
                == [.init(path: "/properties", keyword: "required", message: "is required")])
    }

    @Test func noMoreViolationsAreToldThanTheBound() throws {
        let wrong = (0..<100).map { #""\#($0)":1"# }.joined(separator: ",")
        let strict = Self.file("a.json", #"{"properties":{"properties":{"additionalProperties":{"type":"string"}}}}"#)
        let catalogue = try Catalogue(CatalogueFile.builtIn + [strict])
        let found = try Self.violations(#"{"event":"a","userId":"u","properties":{\#(wrong)}}"#, catalogue)
        #expect(found.count == Catalogue.violationsMax)
    }

    @Test func checkingAnEventThatFitsTakesNoMemory() throws {
        let lines = try Self.lines("valid.ndjson")
        var violations: [EventViolation] = []
        let rules = EnvelopeRules()
        func check() -> Int {
            let before = okla_allocations()
            for line in lines {
                line.withRoot { line in
                    let event = line.member("event")!
                    rules.check(event, Envelope(of: event), into: &violations)
                    Self.builtIn.check(event, named: event.member("event")!.stringBytes, into: &violations)
                }
            }
            return okla_allocations() - before
        }
        _ = check()
        #expect(check() == 0)
        #expect(violations == [])
        // The counter counts.
        let before = okla_allocations()
        #expect(try Self.violations(#"{"event":"vehicle_view","userId":"u"}"#) != [])
        #expect(okla_allocations() > before)
    }

    // MARK: A deployment's own

    @Test func aFileAddsAnEventAndOneOfTheSameNameReplacesIt() throws {
        let added = Self.file(
            "test drive/1.json".replacing("/", with: "-"),
            #"{"$ref":"shared/event.json","properties":{"properties":{"required":["when"]}},"required":["properties"]}"#)
        let replaced = Self.file("vehicle_view.json", #"{"$ref":"shared/event.json","description":"mine"}"#)
        let catalogue = try Catalogue(CatalogueFile.builtIn + [added, replaced])
        #expect(catalogue.events.count == 61)
        #expect(catalogue.events.first { $0.name == "vehicle_view" }?.origin == "mine/vehicle_view.json")
        #expect(try Self.violations(#"{"event":"test drive-1","userId":"u"}"#, catalogue).map(\.path) == ["/properties"])
        #expect(try Self.violations(#"{"event":"vehicle_view","userId":"u"}"#, catalogue) == [])
        #expect(try Self.violations(#"{"event":"vehicle_view","userId":"u"}"#) != [])
    }

    @Test func aSharedFileCountsForAllThatReferToIt() throws {
        let base = Self.file("shared/event.json", #"{"required":["sessionId"]}"#)
        let catalogue = try Catalogue(CatalogueFile.builtIn + [base])
        for event in ["login", "no such event"] {
            #expect(try Self.violations(#"{"event":"\#(event)","userId":"u"}"#, catalogue).map(\.path) == ["/sessionId"])
        }
    }

    @Test(arguments: [
        ("a b.json", "a b.json"), ("a b.json", "a%20b.json"), ("a#1.json", "a%231.json"), ("a?1.json", "a%3F1.json"),
        ("50%.json", "50%25.json"), ("a%20b.json", "a%2520b.json"), ("año.json", "año.json"), ("año.json", "a%c3%b1o.json"),
        ("it's (new), a:b.json", "./it's (new), a:b.json"), ("a:b.json", "a%3Ab.json"), ("%2e%2e.json", "%252e%252e.json"),
        ("C:\\\\\"x\".json", "C%3A%5C%5C%22x%22.json"), ("...json", "...json"),
    ])
    func aReferenceToAFileIsAURIReference(name: String, reference: String) throws {
        let target = Self.file("shared/\(name)", #"{"required":["x"]}"#)
        let uses = Self.file("uses.json", #"{"$ref":"shared/\#(reference)"}"#)
        let catalogue = try Catalogue(CatalogueFile.builtIn + [target, uses])
        #expect(try Self.violations(#"{"event":"uses","userId":"u"}"#, catalogue).map(\.path) == ["/x"])
    }

    @Test func anUnknownEventIsCheckedAgainstTheBaseOrRefused() throws {
        let event = #"{"event":"no_such","userId":"u","context":{"locale":5}}"#
        #expect(try Self.violations(event).map(\.path) == ["/context/locale"])
        let strict = try Catalogue(CatalogueFile.builtIn, unknownEvents: .reject)
        #expect(
            try Self.violations(event, strict)
                == [.init(path: "/event", keyword: "unknownEvent", message: "\"no_such\" is no event of the catalogue")])
        #expect(try Self.violations(#"{"event":"logout","userId":"u"}"#, strict) == [])
    }

    @Test(arguments: [
        (#"{"type":"#, "", "unexpected end at byte 8"),
        (#"{"type":"text"}"#, "/type", "must be null, boolean"),
        (#"{"$ref":"shared/evnt.json"}"#, "/$ref", "leads to shared/evnt.json, where no schema is"),
        (
            #"{"properties":{"properties":{"properties":{"a/b":{"minimum":"0"}}}}}"#,
            "/properties/properties/properties/a~1b/minimum", "number"
        ),
        (#"{"$ref":"https://example.com/schema.json"}"#, "/$ref", "no schema is"),
        (#"{"$schema":"http://json-schema.org/draft-07/schema#"}"#, "/$schema", "draft 2020-12"),
        (#"[]"#, "", "a schema must be an object, true or false"),
    ])
    func aBrokenFileIsToldWithItsNameAndPointer(text: String, pointer: String, message: String) throws {
        let error = #expect(throws: SchemaError.self) { try Catalogue(CatalogueFile.builtIn + [Self.file("x.json", text)]) }
        #expect(error?.file == "mine/x.json")
        #expect(error?.pointer == pointer)
        #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
    }

    @Test(arguments: [("a.json", "b.json", "", "mine/b.json"), ("b.json", "a.json", "/$id", "mine/b.json")])
    func aFileThatTakesThePlaceOfAnotherByItsIDIsRefused(taker: String, taken: String, pointer: String, file: String) {
        let files = [Self.file(taker, #"{"$id":"\#(taken)"}"#), Self.file(taken, #"{"required":["x"]}"#)]
        let error = #expect(throws: SchemaError.self) { try Catalogue(CatalogueFile.builtIn + files) }
        #expect(error?.pointer == pointer && error?.file == file, "\(String(describing: error))")
    }

    @Test func aBrokenSharedFileIsToldAlsoWhereNobodyRefersToIt() {
        let broken = Self.file("shared/mine.json", ##"{"$defs":{"a":{"pattern":"("}}, "properties":{"b":{"$ref":"#/$defs/a"}}}"##)
        let error = #expect(throws: SchemaError.self) { try Catalogue(CatalogueFile.builtIn + [broken]) }
        #expect(error?.pointer == "/$defs/a/pattern")
    }
}
