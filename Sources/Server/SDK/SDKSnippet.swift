internal import BrowserSDK
internal import Crypto
internal import Foundation

/// What a page pastes to load the browser SDK from one service with one write key.
package struct SDKSnippet: Sendable {
    package struct Failure: Error {
        package let message: String
    }

    /// A script element, without a line break behind it.
    package let html: String

    /// The directives that a page's Content-Security-Policy needs for it.
    package let contentSecurityPolicy: String

    /// - Parameter host: the service's address as browsers reach it, with a path where a proxy puts it under one.
    package init(writeKey: String, host: String, isPinned: Bool) throws(Failure) {
        let origin = try Self.address(host)
        guard !writeKey.isEmpty else { throw Failure(message: "the write key is empty") }
        let release = SDKRelease.newest
        let address = origin + SDKRelease.folder + (isPinned ? release.pinnedName : "okla.min.js")
        var text = String(decoding: SDKRelease.bytes(okla_sdk_snippet()), as: UTF8.self)
        text.replace(#""YOUR_WRITE_KEY""#, with: Self.literal(writeKey))
        let source = #"e.src = "https://cdn.okla.com.do/sdk/v1/okla.min.js";"#
        var loading = "e.src = \(Self.literal(address));"
        if isPinned {
            // Without crossOrigin the browser cannot read what it is to check.
            loading += "\n        e.integrity = \(Self.literal(release.integrity));\n        e.crossOrigin = \"anonymous\";"
        }
        text.replace(source, with: loading)
        html = text.trimmingCharacters(in: .newlines)
        let script = html.dropFirst("<script>".count).dropLast("</script>".count)
        let hash = Data(SHA256.hash(data: Data(script.utf8))).base64EncodedString()
        contentSecurityPolicy = "script-src 'sha256-\(hash)' \(address); connect-src \(origin)/api/events/batch"
    }

    /// The address without a slash at its end.
    private static func address(_ host: String) throws(Failure) -> String {
        guard let parts = URLComponents(string: host), ["http", "https"].contains(parts.scheme?.lowercased()),
            parts.host?.isEmpty == false,
            parts.query == nil, parts.fragment == nil, parts.user == nil, !host.contains(where: { "\"'<>\\; ".contains($0) })
        else {
            throw Failure(message: "\(host) is no address of a service: give one such as https://events.example.com")
        }
        return String(host.reversed().drop { $0 == "/" }.reversed())
    }

    /// A string of JavaScript within a script element: nothing in it can end either.
    static func literal(_ text: String) -> String {
        var literal = "\""
        for unit in text.utf16 {
            let isPlain = (0x20..<0x7F).contains(unit) && !#""\<>&"#.utf16.contains(unit)
            literal += isPlain ? String(UnicodeScalar(UInt8(unit))) : "\\u" + String(format: "%04x", unit)
        }
        return literal + "\""
    }
}
