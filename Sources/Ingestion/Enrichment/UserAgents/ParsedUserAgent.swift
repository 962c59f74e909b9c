/// What uap-core's rules say of a user agent, in its words. A family that no rule knows is "Other".
package struct ParsedUserAgent: Equatable, Sendable {
    package static let unknown = "Other"

    /// A browser or an operating system.
    package struct Product: Equatable, Sendable {
        package let family: String
        package let major: String?
        package let minor: String?
        package let patch: String?
        package let patchMinor: String?

        package init(
            family: String = ParsedUserAgent.unknown, major: String? = nil, minor: String? = nil, patch: String? = nil,
            patchMinor: String? = nil
        ) {
            self.family = family
            self.major = major
            self.minor = minor
            self.patch = patch
            self.patchMinor = patchMinor
        }

        package var isKnown: Bool { family != ParsedUserAgent.unknown }
    }

    package struct Device: Equatable, Sendable {
        package let family: String
        package let brand: String?
        package let model: String?

        package init(family: String = ParsedUserAgent.unknown, brand: String? = nil, model: String? = nil) {
            self.family = family
            self.brand = brand
            self.model = model
        }

        /// uap-core's word for what is not a person's device.
        package var isSpider: Bool { family == "Spider" || brand == "Spider" }
    }

    package let browser: Product
    package let operatingSystem: Product
    package let device: Device

    package init(browser: Product = Product(), operatingSystem: Product = Product(), device: Device = Device()) {
        self.browser = browser
        self.operatingSystem = operatingSystem
        self.device = device
    }
}
