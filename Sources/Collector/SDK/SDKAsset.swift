/// A file of the browser SDK, as browsers get it.
package struct SDKAsset: Sendable {
    /// How long a browser uses it without asking.
    package enum Caching: String, Sendable {
        /// What stands at the path may be another version tomorrow.
        case shortly = "public, max-age=300"
        /// The path names the bytes.
        case forEver = "public, max-age=31536000, immutable"
    }

    let path: String
    let contentType: String
    let bytes: [UInt8]
    let gzipped: [UInt8]
    /// Weak, for it stands for the bytes in either encoding (RFC 9110, 8.8.3).
    let entityTag: String
    let caching: Caching
    /// Where the source map is.
    let sourceMap: String?

    /// - Parameter tag: differs where the bytes do.
    package init(
        path: String, contentType: String, bytes: [UInt8], gzipped: [UInt8], tag: String, caching: Caching,
        sourceMap: String? = nil
    ) {
        self.path = path
        self.contentType = contentType
        self.bytes = bytes
        self.gzipped = gzipped
        entityTag = "W/\"\(tag)\""
        self.caching = caching
        self.sourceMap = sourceMap
    }

    /// Whether an `If-None-Match` names it (RFC 9110, 13.1.2): then the client has it.
    func isNamed(in ifNoneMatch: String) -> Bool {
        ifNoneMatch.split(separator: ",").contains { entry in
            let tag = entry.trimming(while: \.isWhitespace)
            return tag == "*" || tag == entityTag || tag == entityTag.dropFirst(2)
        }
    }

    /// Whether an `Accept-Encoding` takes gzip (RFC 9110, 12.5.3).
    static func takesGzip(_ acceptEncoding: String) -> Bool {
        var others = false
        for entry in acceptEncoding.split(separator: ",") {
            let parts = entry.split(separator: ";").map { $0.trimming(while: \.isWhitespace).lowercased() }
            let isTaken = !parts.dropFirst().contains { $0.hasPrefix("q=") && Double($0.dropFirst(2)) == 0 }
            if parts.first == "gzip" || parts.first == "x-gzip" { return isTaken }
            if parts.first == "*" { others = isTaken }
        }
        return others
    }
}

extension Substring {
    fileprivate func trimming(while isLeftOut: (Character) -> Bool) -> Substring {
        var text = drop(while: isLeftOut)
        while let last = text.last, isLeftOut(last) { text.removeLast() }
        return text
    }
}
