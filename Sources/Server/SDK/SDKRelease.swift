internal import BrowserSDK
internal import Collector
internal import Crypto
internal import Foundation
internal import RecordFormat

/// One published version of the browser SDK: its script, and the names and hashes that pages know it by.
struct SDKRelease: Sendable {
    let script: [UInt8]
    let map: [UInt8]

    /// The first 16 hexadecimal digits of its SHA-256.
    let hash: String

    /// As an `integrity` attribute has it (W3C Subresource Integrity).
    let integrity: String

    static let folder = "/sdk/v1/"

    /// From the oldest to the newest. A version stays when the next one comes: pages have it by its hash.
    static let all = (0..<okla_sdk_count()).map { SDKRelease(script: bytes(okla_sdk_script($0)), map: bytes(okla_sdk_map($0))) }

    static var newest: SDKRelease { all[all.count - 1] }

    private init(script: [UInt8], map: [UInt8]) {
        self.script = script
        self.map = map
        hash = String(SHA256.hash(data: script).map { String(format: "%02x", $0) }.joined().prefix(16))
        integrity = "sha384-" + Data(SHA384.hash(data: script)).base64EncodedString()
    }

    static func bytes(_ text: okla_sdk_text) -> [UInt8] { Array(UnsafeBufferPointer(start: text.bytes, count: text.length)) }

    /// Where exactly these bytes are, for ever.
    var pinnedName: String { "okla.\(hash).min.js" }

    /// What the service serves of all versions.
    static var assets: [SDKAsset] {
        all.flatMap { $0.pinnedAssets } + [newest.script(named: "okla.min.js", caching: .shortly)]
    }

    private var pinnedAssets: [SDKAsset] {
        let map = SDKAsset(
            path: "\(Self.folder)\(pinnedName).map", contentType: "application/json", bytes: self.map,
            gzipped: Gzip.compress(self.map),
            tag: hash, caching: .forEver)
        return [script(named: pinnedName, caching: .forEver), map]
    }

    private func script(named name: String, caching: SDKAsset.Caching) -> SDKAsset {
        SDKAsset(
            path: "\(Self.folder)\(name)", contentType: "text/javascript; charset=utf-8", bytes: script,
            gzipped: Gzip.compress(script, effort: .most), tag: hash, caching: caching,
            sourceMap: "\(Self.folder)\(pinnedName).map")
    }
}
