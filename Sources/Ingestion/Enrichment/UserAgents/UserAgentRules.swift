/// uap-core's rules, as its specification describes them: three ordered lists, of each of which the first rule that matches gives
/// all values.
package struct UserAgentRules: Sendable {
    /// A list of the file: its name, and what its rules say.
    package struct Section: Sendable {
        /// A value that a rule gives: by the replacement that the rule has, or else by a group of its pattern.
        struct Field: Sendable {
            let replacement: String?
            let group: Int?
        }

        let name: String
        let fields: [Field]
        /// Values lose the white space around them.
        let isTrimmed: Bool

        /// family, major, minor, patch, patch of the patch. The specification stops at the patch, uap-core's patterns do not.
        static let browsers = Section(
            name: "user_agent_parsers",
            fields: [
                Field(replacement: "family_replacement", group: 1), Field(replacement: "v1_replacement", group: 2),
                Field(replacement: "v2_replacement", group: 3), Field(replacement: "v3_replacement", group: 4),
                Field(replacement: "v4_replacement", group: 5),
            ], isTrimmed: false)

        /// family, major, minor, patch, patch of the patch.
        static let operatingSystems = Section(
            name: "os_parsers",
            fields: [
                Field(replacement: "os_replacement", group: 1), Field(replacement: "os_v1_replacement", group: 2),
                Field(replacement: "os_v2_replacement", group: 3), Field(replacement: "os_v3_replacement", group: 4),
                Field(replacement: "os_v4_replacement", group: 5),
            ], isTrimmed: false)

        /// family, brand, model.
        static let devices = Section(
            name: "device_parsers",
            fields: [
                Field(replacement: "device_replacement", group: 1), Field(replacement: "brand_replacement", group: nil),
                Field(replacement: "model_replacement", group: 1),
            ], isTrimmed: true)

        static let all = [browsers, operatingSystems, devices]
    }

    package struct Rule: Sendable {
        let pattern: PatternList.Pattern
        /// One for each of the section's fields; nil where the rule does not say it.
        let templates: [ReplacementTemplate?]
        /// Where it stands in the file.
        let line: Int
    }

    /// In the order of `Section.all`.
    let lists: [[Rule]]
}
