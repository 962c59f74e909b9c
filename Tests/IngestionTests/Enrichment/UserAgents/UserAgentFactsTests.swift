import Ingestion
import RecordFormat
import Testing

@Suite struct UserAgentFactsTests {
    private typealias Expected = (browser: String, system: String, device: String)

    private func expect(
        _ userAgent: String, _ browser: String, _ system: String, _ device: String, _ place: SourceLocation = #_sourceLocation
    ) {
        #expect(UserAgentParser.shared.facts(userAgent).all == [browser, system, device, ""], sourceLocation: place)
    }

    private func kind(_ userAgent: String) -> String? {
        let device = UserAgentFacts.text(UserAgentParser.shared.facts(userAgent).device)
        return device.isEmpty ? nil : String(device.dropFirst(#"{"type":""#.count).prefix { $0 != "\"" })
    }

    @Test func chromeOnWindowsIsADesktopWithoutAMaker() {
        expect(
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
            #"{"name":"Chrome","version":"120.0.0"}"#, #"{"name":"Windows","version":"10"}"#,
            #"{"type":"desktop","manufacturer":null,"model":null}"#)
    }

    @Test func safariOnAnIPhoneIsAMobileByApple() {
        expect(
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1.2 Mobile/15E148 Safari/604.1",
            #"{"name":"Mobile Safari","version":"17.1.2"}"#, #"{"name":"iOS","version":"17.1.2"}"#,
            #"{"type":"mobile","manufacturer":"Apple","model":"iPhone"}"#)
    }

    @Test func aModelIsToldWhereThereIsOne() {
        expect(
            "Mozilla/5.0 (Linux; Android 13; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36",
            #"{"name":"Chrome Mobile","version":"120.0.0"}"#, #"{"name":"Android","version":"13"}"#,
            #"{"type":"mobile","manufacturer":"Samsung","model":"SM-S918B"}"#)
        // What every Chrome says by now in the place of the model.
        expect(
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36",
            #"{"name":"Chrome Mobile","version":"120.0.0"}"#, #"{"name":"Android","version":"10"}"#,
            #"{"type":"mobile","manufacturer":null,"model":null}"#)
        expect(
            "Mozilla/5.0 (Android 13; Mobile; rv:120.0) Gecko/120.0 Firefox/120.0",
            #"{"name":"Firefox Mobile","version":"120.0"}"#, #"{"name":"Android","version":"13"}"#,
            #"{"type":"mobile","manufacturer":null,"model":null}"#)
    }

    @Test func whatIsNotKnownIsLeftOut() {
        expect("", "", "", "")
        expect("no such thing", "", "", "")
        expect(
            "Mozilla/5.0 (Windows NT 10.0)", "", #"{"name":"Windows","version":"10"}"#,
            #"{"type":"desktop","manufacturer":null,"model":null}"#)
        expect("Stitcher/iOS", #"{"name":"Stitcher","version":null}"#, "", "")
    }

    @Test(arguments: [
        ("Mozilla/5.0 (PlayStation 5 3.03/SmartTV) AppleWebKit/605.1.15 (KHTML, like Gecko)", "console"),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64; Xbox; Xbox One) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/58.0.3029.110 Safari/537.36 Edge/16.16299",
            "console"
        ),
        (
            "Mozilla/5.0 (Nintendo Switch; WebApplet) AppleWebKit/606.4 (KHTML, like Gecko) NF/6.0.1.15.4 NintendoBrowser/5.1.0.20389",
            "console"
        ),
        (
            "Mozilla/5.0 (SMART-TV; Linux; Tizen 5.0) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/2.2 Chrome/63.0.3239.84 TV Safari/537.36",
            "tv"
        ),
        (
            "Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/79.0.3945.79 Safari/537.36 WebAppManager",
            "tv"
        ),
        (
            "Mozilla/5.0 (Linux; Android 9; AFTMM Build/PS7633; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/112.0 Mobile Safari/537.36",
            "tv"
        ),
        (
            "Mozilla/5.0 (Linux; Android 10; BRAVIA 4K UR2 Build/QTG3) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0 Safari/537.36",
            "tv"
        ),
        ("Roku/DVP-9.10 (519.10E04111A)", "tv"),
        ("Mozilla/5.0 (CrKey armv7l 1.5.16041) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/31.0.1650.0 Safari/537.36", "tv"),
        ("AppleCoreMedia/1.0.0.16R5303d (Apple Watch; U; CPU OS 5_0 like Mac OS X; en_au)", "wearable"),
        (
            "Mozilla/5.0 (Linux; Tizen 2.3.2; SAMSUNG SM-R760) AppleWebKit/537.3 (KHTML, like Gecko) Version/2.3 Mobile Safari/537.3",
            "wearable"
        ),
        (
            "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 Mobile/15E148 Safari/604.1",
            "tablet"
        ),
        (
            "Mozilla/5.0 (Linux; Android 13; SM-X700) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
            "tablet"
        ),
        (
            "Mozilla/5.0 (Linux; Android 13; SM-X706B; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/119.0 Mobile Safari/537.36",
            "tablet"
        ),
        ("Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36", "tablet"),
        ("Mozilla/5.0 (Android 12; Tablet; rv:120.0) Gecko/120.0 Firefox/120.0", "tablet"),
        (
            "Mozilla/5.0 (Linux; Android 11; KFTRWI) AppleWebKit/537.36 (KHTML, like Gecko) Silk/119.4.1 like Chrome/119.0.6045.193 Safari/537.36",
            "tablet"
        ),
        (
            "Mozilla/5.0 (Windows Phone 10.0; Android 6.0.1; Microsoft; Lumia 950) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/52.0.2743.116 Mobile Safari/537.36 Edge/15.15063",
            "mobile"
        ),
        ("Opera/9.80 (J2ME/MIDP; Opera Mini/4.2.14881/24.743; U; en) Presto/2.5.25 Version/10.54", "mobile"),
        ("Dalvik/2.1.0 (Linux; U; Android 13; SM-A536E Build/TP1A.220624.014)", "mobile"),
        ("Mozilla/5.0 (Mobile; LYF/F90M/LYF-F90M-000-02-15-241218;Android; rv:48.0) Gecko/48.0 Firefox/48.0 KAIOS/2.0", "mobile"),
        ("Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 6.1; Trident/4.0; SLCC2; Media Center PC 6.0; Tablet PC 2.0)", "desktop"),
        ("Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; TBP_7.0_GS; XBOXToolbar)", "desktop"),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 Safari/605.1.15",
            "desktop"
        ),
        (
            "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 Safari/537.36",
            "desktop"
        ),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0", "desktop"),
        ("NokiaN93i", "other"),
    ])
    func theKindOfDeviceIsTold(_ userAgent: String, _ expected: String) {
        #expect(kind(userAgent) == expected)
    }

    @Test func aVersionEndsWhereANumberIsNotKnown() {
        let parsed = ParsedUserAgent(
            browser: .init(family: "B", major: "1", minor: nil, patch: "3"),
            operatingSystem: .init(family: "S", major: "1", minor: "2", patch: "3", patchMinor: "4"))
        let facts = UserAgentFacts(userAgent: .init(start: nil, count: 0), parsed, kind: nil, botRule: nil)
        #expect(facts.all == [#"{"name":"B","version":"1"}"#, #"{"name":"S","version":"1.2.3.4"}"#, "", ""])
    }

    @Test func whatComesFromTheTextIsEscaped() {
        expect(
            "Mozilla/5.0 (Linux; Android 9; A\"B\\C\u{1}\u{E9} Build/X) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/99.0.1.2 Mobile Safari/537.36",
            #"{"name":"Chrome Mobile","version":"99.0.1"}"#, #"{"name":"Android","version":"9"}"#,
            #"{"type":"mobile","manufacturer":null,"model":"A\"B\\C\u0001é"}"#)
    }
}
