extension UserAgentRules {
    /// Reads a file that has the form of uap-core's regexes.yaml, and nothing else in it.
    package init(file path: String) throws(EnrichmentError) {
        var events = try YAMLEvents(path: path, bytesMax: UserAgentLimits.rulesFileBytesMax)
        _ = try events.next()
        guard try events.next() == .mappingStart else { throw events.error("not a mapping of lists of rules") }
        var lists = [[Rule]?](repeating: nil, count: Section.all.count)
        while let name = try events.memberName() {
            guard let number = Section.all.firstIndex(where: { $0.name == name }) else {
                throw events.error("an unknown list \(name)")
            }
            guard lists[number] == nil else { throw events.error("\(name) for the second time") }
            lists[number] = try Self.readList(of: Section.all[number], &events)
        }
        guard try events.next() == .end else { throw events.error("something behind the rules") }
        for (section, list) in zip(Section.all, lists) where list?.isEmpty ?? true {
            throw events.error("no rules in \(section.name)")
        }
        self.lists = lists.map { $0! }
    }

    private static func readList(of section: Section, _ events: inout YAMLEvents) throws(EnrichmentError) -> [Rule] {
        guard try events.next() == .sequenceStart else { throw events.error("\(section.name) is not a list") }
        var rules: [Rule] = []
        while true {
            switch try events.next() {
            case .sequenceEnd: return rules
            case .mappingStart:
                guard rules.count < UserAgentLimits.rulesMax else {
                    throw events.error("more than \(UserAgentLimits.rulesMax) rules in \(section.name)")
                }
                rules.append(try readRule(of: section, &events))
            default: throw events.error("not a rule, in \(section.name)")
            }
        }
    }

    private static func readRule(of section: Section, _ events: inout YAMLEvents) throws(EnrichmentError) -> Rule {
        let line = events.line
        var members: [String: String] = [:]
        while let name = try events.memberName() {
            guard name == "regex" || name == "regex_flag" || section.fields.contains(where: { $0.replacement == name }) else {
                throw events.error("a rule of \(section.name) with an unknown member \(name)")
            }
            guard members[name] == nil else { throw events.error("\(name) for the second time") }
            guard case .scalar(let value) = try events.next() else { throw events.error("\(name) is not text") }
            members[name] = value
        }
        guard let pattern = members["regex"], !pattern.isEmpty else {
            throw events.error("a rule without regex", line: line)
        }
        let flag = members["regex_flag"] ?? ""
        guard flag == "" || flag == "i" else { throw events.error("an unknown regex_flag \(flag)", line: line) }
        let templates = section.fields.map { field -> ReplacementTemplate? in
            // An empty replacement replaces nothing.
            if let name = field.replacement, let text = members[name], !text.isEmpty { return ReplacementTemplate(text) }
            return field.group.map { ReplacementTemplate(group: $0) }
        }
        return Rule(pattern: .init(pattern, ignoresCase: flag == "i"), templates: templates, line: line)
    }
}

extension YAMLEvents {
    /// The name of a mapping's next member; nil at the mapping's end.
    fileprivate mutating func memberName() throws(EnrichmentError) -> String? {
        switch try next() {
        case .scalar(let name): return name
        case .mappingEnd: return nil
        default: throw error("a name that is not text")
        }
    }
}
