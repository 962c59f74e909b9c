internal import RecordFormat

/// What is known of a user agent, as JSON text that only needs to be copied. An empty text: nothing is known.
package final class UserAgentFacts: Sendable {
    /// `{"name":"Chrome","version":"120.0.0"}`
    package let browser: [UInt8]
    /// `{"name":"Windows","version":"10"}`
    package let operatingSystem: [UInt8]
    /// `{"type":"desktop","manufacturer":null,"model":null}`
    package let device: [UInt8]
    /// `{"isBot":true,"rule":"uap:Googlebot"}`; empty for persons
    package let bot: [UInt8]

    /// What was looked at: the user agent, cut.
    package let userAgent: [UInt8]

    package init(userAgent: UnsafeRawBufferPointer, _ parsed: ParsedUserAgent, kind: DeviceKinds.Kind?, botRule: String?) {
        self.userAgent = Array(userAgent)
        browser = Self.browser(parsed.browser)
        operatingSystem = Self.operatingSystem(parsed.operatingSystem)
        device = Self.device(parsed.device, kind)
        bot = Self.bot(botRule)
    }

    /// What it takes in memory, about: the object and its five arrays with a head of 32 bytes each (64 + 160), its entry in a cache
    /// (48) and that entry's place in a dictionary (32), and the texts.
    package var byteCount: Int {
        304 + userAgent.count + browser.count + operatingSystem.count + device.count + bot.count
    }

    /// The numbers that a browser is known by; a build's number behind them says nothing more.
    private static func browser(_ product: ParsedUserAgent.Product) -> [UInt8] {
        Self.product(product, [product.major, product.minor, product.patch])
    }

    private static func operatingSystem(_ product: ParsedUserAgent.Product) -> [UInt8] {
        Self.product(product, [product.major, product.minor, product.patch, product.patchMinor])
    }

    private static func product(_ product: ParsedUserAgent.Product, _ numbers: [String?]) -> [UInt8] {
        guard product.isKnown else { return [] }
        // Up to the first number that is not known: what stands behind it is not what it would seem to be.
        let version = numbers.prefix { $0 != nil }.map { $0! }.joined(separator: ".")
        var text = GrowableBytes(capacity: 128)
        text.append("{\"name\":")
        JSONWriter.append(string: product.family, to: &text)
        append(",\"version\":", version.isEmpty ? nil : version, to: &text)
        text.append("}")
        return Array(copying: text)
    }

    private static func device(_ device: ParsedUserAgent.Device, _ kind: DeviceKinds.Kind?) -> [UInt8] {
        guard let kind else { return [] }
        var text = GrowableBytes(capacity: 128)
        text.append("{\"type\":")
        JSONWriter.append(string: kind.rawValue, to: &text)
        // A bot's device is none, or one that it pretends to be.
        append(",\"manufacturer\":", kind == .bot ? nil : device.manufacturer, to: &text)
        append(",\"model\":", kind == .bot ? nil : device.modelName, to: &text)
        text.append("}")
        return Array(copying: text)
    }

    private static func bot(_ rule: String?) -> [UInt8] {
        guard let rule else { return [] }
        var text = GrowableBytes(capacity: 64)
        text.append("{\"isBot\":true,\"rule\":")
        JSONWriter.append(string: rule, to: &text)
        text.append("}")
        return Array(copying: text)
    }

    private static func append(_ name: StaticString, _ value: String?, to text: inout GrowableBytes) {
        text.append(name)
        if let value { JSONWriter.append(string: value, to: &text) } else { text.append("null") }
    }
}
