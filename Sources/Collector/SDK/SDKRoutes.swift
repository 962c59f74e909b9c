internal import HTTPTypes
package import Hummingbird
internal import NIOCore

/// The browser SDK: its newest version at a path that stays, and every published one at a path that names its bytes. For pages of any
/// origin, since the files are the same for all and hold no secret.
package struct SDKRoutes: Sendable {
    private let assets: [SDKAsset]

    package init(assets: [SDKAsset]) { self.assets = assets }

    package func add(to router: Router<CollectorContext>) {
        for asset in assets {
            let path = RouterPath(asset.path)
            router.get(path) { request, _ in Self.answer(asset, request) }
            router.head(path) { request, _ in Self.answer(asset, request).createHeadResponse() }
        }
    }

    static func answer(_ asset: SDKAsset, _ request: Request) -> Response {
        var headers: HTTPFields = [
            .eTag: asset.entityTag, .cacheControl: asset.caching.rawValue, .vary: "Accept-Encoding",
            .accessControlAllowOrigin: "*",
        ]
        headers[.crossOriginResourcePolicy] = "cross-origin"
        if let known = request.headers[.ifNoneMatch], asset.isNamed(in: known) {
            return Response(status: .notModified, headers: headers)
        }
        headers[.contentType] = asset.contentType
        headers[.xContentTypeOptions] = "nosniff"
        if let sourceMap = asset.sourceMap { headers[Self.sourceMap] = sourceMap }
        let isCompressed = SDKAsset.takesGzip(request.headers[.acceptEncoding] ?? "")
        if isCompressed { headers[.contentEncoding] = "gzip" }
        let bytes = isCompressed ? asset.gzipped : asset.bytes
        return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    private static let sourceMap = field("SourceMap")

    private static func field(_ name: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(name) else { preconditionFailure("\(name) is a field's name") }
        return name
    }
}
