/// Which kind of device a user agent speaks of. uap-core's rules do not say it, so it is read from the text and from the operating
/// system that they name. The first that holds:
///
/// 1. A bot is a bot, whatever device it pretends to be.
/// 2. The first of `patterns` that matches the text. The order matters: televisions and tablets say "Mobile", too.
/// 3. The operating system's kind, by `systems`.
/// 4. A Mac is a desktop, and any other device that uap-core knows by its maker is `other`.
///
/// Otherwise the kind is unknown. An iPad whose Safari asks for desktop pages, as it does unless told otherwise, says that it is a
/// Macintosh and counts as a desktop.
package struct DeviceKinds: Sendable {
    package enum Kind: String, Sendable {
        case desktop, mobile, tablet, tv, console, wearable, bot, other
    }

    private static let patterns: [(kind: Kind, pattern: String)] = [
        (.console, "PlayStation|\\bXbox\\b|Nintendo (?:3DS|DSi?|Switch|Wii)\\b|\\bPSP\\b"),

        (
            .tv,
            "HbbTV|Smart-?TV|Smart TV|Apple ?TV|tvOS|Google ?TV|Android ?TV|\\bDTV\\b|NetTV|POV_TV|Opera TV|InettvBrowser|CE-HTML"
        ),
        (.tv, "BRAVIA|Web0S|webOS\\.TV|NetCast|VIDAA|Viera|Roku|CrKey|MiTV|MIBOX|Tizen.*\\bTV\\b"),
        // Amazon's Fire TV.
        (.tv, "; AFT[A-Z0-9]{1,8}[ ;)]"),

        (.wearable, "watchOS|Apple ?Watch|SmartWatch|Galaxy Watch|Wear ?OS|Android Wear|\\bSM-R[1-9][0-9]{2}"),

        // "Tablet PC" is a part of Windows that desktops have.
        (
            .tablet,
            "\\biPad|\\bTablet(?: [^P]|[^ ]|$)|PlayBook|Kindle|TouchPad|MediaPad|IdeaTab|Iconia|Xoom\\b|Galaxy Tab|\\bMI ?PAD|Redmi Pad"
        ),
        (
            .tablet,
            "Nexus (?:7|9|10)\\b|Pixel (?:C|Slate|Tablet)\\b|\\bSM-[PTX][0-9]{3}|\\bGT-P[0-9]{4}|\\bGT-N8[0-9]{3}|Lenovo TB|; TB-[A-Z0-9]"
        ),
        // Amazon's Fire tablets.
        (.tablet, "; KF[A-Z]{2,6}[ ;)]"),

        (
            .mobile,
            "Mobi|iPhone|iPod|Windows Phone|Opera Mini|BlackBerry|\\bBB10|Symbian|MIDP|CLDC|UP\\.Browser|DoCoMo|KDDI|Series ?[346]0"
        ),
        // A browser on Android that does not say "Mobile" is on a tablet; what is not a browser need not say anything.
        (.tablet, "^Mozilla/.*Android.*(?:Safari|Gecko|Firefox)/"),
    ]

    /// Operating systems in uap-core's words.
    private static let systems: [(kind: Kind, names: [String])] = [
        (
            .desktop,
            [
                "Windows", "Mac OS X", "Mac OS", "Chrome OS", "Linux", "Ubuntu", "Kubuntu", "Lubuntu", "Debian", "Fedora",
                "Red Hat",
                "CentOS", "SUSE", "openSUSE", "Gentoo", "Arch Linux", "Slackware", "Mandriva", "Linux Mint", "PCLinuxOS", "Puppy",
                "BackTrack", "FreeBSD", "OpenBSD", "NetBSD", "BSD", "Solaris", "SerenityOS",
            ]
        ),
        (
            .mobile,
            [
                "Android", "iOS", "Windows Phone", "Windows Mobile", "BlackBerry OS", "Symbian OS", "Symbian^3", "Symbian^3 Anna",
                "Symbian^3 Belle", "Bada", "KaiOS", "Firefox OS", "Sailfish", "MeeGo", "Maemo", "BREW", "Brew MP", "webOS",
                "Nokia Series 30 Plus", "Nokia Series 40", "Tizen",
            ]
        ),
        (.tablet, ["BlackBerry Tablet OS", "WeTab", "Kindle"]),
        (.tv, ["tvOS", "ATV OS X", "GoogleTV", "WebTV", "Chromecast", "Roku", "Web0S", "FireHbbTV"]),
        (.wearable, ["WatchOS"]),
    ]

    private static let kindsBySystem: [String: Kind] = .init(
        uniqueKeysWithValues: systems.flatMap { kind, names in names.map { ($0, kind) } })

    private let patterns: PatternList

    package init() throws(EnrichmentError) {
        patterns = try PatternList(ours: Self.patterns.map(\.pattern), called: "device kinds")
    }

    package func kind(of text: UnsafeRawBufferPointer, _ parsed: ParsedUserAgent, isBot: Bool) -> Kind? {
        if isBot { return .bot }
        if let match = patterns.firstMatch(in: text) { return Self.patterns[match.pattern].kind }
        if let kind = Self.kindsBySystem[parsed.operatingSystem.family] { return kind }
        if parsed.device.family == "Mac" { return .desktop }
        return parsed.device.manufacturer == nil ? nil : .other
    }
}

extension ParsedUserAgent.Device {
    /// Who made the device. What uap-core calls "Generic" it does not know.
    var manufacturer: String? {
        guard let brand, !brand.hasPrefix("Generic"), !isSpider else { return nil }
        return brand
    }

    /// The model in its maker's words. On Android also where the maker is not known; but "K" is what every Chrome says now.
    var modelName: String? {
        guard let model, !isSpider, brand != "Generic", model != "K" || manufacturer != nil else { return nil }
        return model
    }
}
