import Ingestion
import Testing

@Suite struct BotDetectorTests {
    private func rule(_ userAgent: String) -> String {
        UserAgentFacts.text(UserAgentParser.shared.facts(userAgent).bot)
    }

    @Test(arguments: [
        // By uap-core's rules
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "uap:Googlebot"),
        (
            "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.6099.71 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "uap:Googlebot"
        ),
        ("Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", "uap:bingbot"),
        ("Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)", "uap:YandexBot"),
        ("Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)", "uap:Baiduspider"),
        ("Twitterbot/1.0", "uap:Twitterbot"),
        ("facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", "uap:FacebookBot"),
        ("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "uap:Slackbot-LinkExpanding"),
        ("Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)", "uap:AhrefsBot"),
        ("Mozilla/5.0 (compatible; SemrushBot/7~bl; +http://www.semrush.com/bot.html)", "uap:SemrushBot"),
        ("Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)", "uap:Discordbot"),
        ("TelegramBot (like TwitterBot)", "uap:TelegramBot"),
        ("CCBot/2.0 (https://commoncrawl.org/faq/)", "uap:CCBot"),
        // Headless browsers and measurements
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/120.0.6099.109 Safari/537.36",
            "HeadlessChrome"
        ),
        ("Mozilla/5.0 (Unknown; Linux x86_64) AppleWebKit/538.1 (KHTML, like Gecko) PhantomJS/2.1.1 Safari/538.1", "PhantomJS"),
        (
            "Mozilla/5.0 (Linux; Android 11; moto g power (2022)) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 Mobile Safari/537.36 Chrome-Lighthouse",
            "Lighthouse"
        ),
        // Language models and previews whose names come late
        (
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko); compatible; ChatGPT-User/1.0; +https://openai.com/bot", "OpenAI"
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.1.1 Safari/605.1.15 (Applebot/0.1; +http://www.apple.com/go/applebot)",
            "Applebot"
        ),
        (
            "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.6099.71 Mobile Safari/537.36 (compatible; GoogleOther)",
            "Google other"
        ),
        (
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Perplexity-User/1.0; +https://perplexity.ai/perplexity-user)",
            "Perplexity"
        ),
        ("meta-externalagent/1.1 (+https://developers.facebook.com/docs/sharing/webmasters/crawler)", nil),
        ("WhatsApp/2.23.20.0", nil),
        ("WhatsApp/2.11.102 Android/2.3.3 Device/HUAWEI-U8510", "WhatsApp"),
        // Monitoring
        ("Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)", nil),
        ("Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)", nil),
        ("ELB-HealthChecker/2.0", "ELB health check"),
        ("kube-probe/1.27", "Kubernetes probe"),
        ("Mozilla/5.0 (compatible; MyMonitor/1.0; +https://example.com/monitor)", "bot by its address"),
        // Language models
        ("Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)", nil),
        ("Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ClaudeBot/1.0; +claudebot@anthropic.com)", nil),
        (
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; PerplexityBot/1.0; +https://perplexity.ai/perplexitybot)",
            nil
        ),
        (
            "Mozilla/5.0 (Linux; Android 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Mobile Safari/537.36 (compatible; Bytespider; spider-feedback@bytedance.com)",
            nil
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_10_1) AppleWebKit/600.2.5 (KHTML, like Gecko) Version/8.0.2 Safari/600.2.5 (Amazonbot/0.1; +https://developer.amazon.com/support/amazonbot)",
            nil
        ),
        // Libraries and programs
        ("curl/7.88.1", "curl"), ("Wget/1.21.3", "Wget"), ("python-requests/2.31.0", "python-requests"),
        ("Go-http-client/2.0", "Go-http-client"), ("Python/3.11 aiohttp/3.9.1", "Python"), ("axios/1.6.2", "Node.js"),
        ("node", "Node.js"),
        ("PostmanRuntime/7.36.0", "Postman"), ("Java/17.0.9", nil), ("Scrapy/2.11.0 (+https://scrapy.org)", nil),
        ("Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.19041.3803", "PowerShell"),
    ])
    func botsAreBots(_ userAgent: String, _ expected: String?) {
        let found = rule(userAgent)
        if let expected {
            #expect(found == #"{"isBot":true,"rule":"\#(expected)"}"#)
        } else {
            #expect(found.hasPrefix(#"{"isBot":true,"rule":""#))
        }
        #expect(
            UserAgentFacts.text(UserAgentParser.shared.facts(userAgent).device)
                == #"{"type":"bot","manufacturer":null,"model":null}"#)
    }

    @Test func upperCaseIsNoWayOut() {
        #expect(rule("CURL/7.88.1") == #"{"isBot":true,"rule":"curl"}"#)
        #expect(rule("Mozilla/5.0 (X11) HEADLESSCHROME/120.0") == #"{"isBot":true,"rule":"HeadlessChrome"}"#)
    }

    static let persons = [
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36 Edg/120.0.2210.61",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:121.0) Gecko/20100101 Firefox/121.0",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/118.0.0.0 Safari/537.36 OPR/104.0.0.0",
        "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 Safari/605.1.15",
        "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0",
        "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 Safari/537.36",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1.2 Mobile/15E148 Safari/604.1",
        "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 Mobile/15E148 Safari/604.1",
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36",
        "Mozilla/5.0 (Linux; Android 13; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/23.0 Chrome/115.0.0.0 Mobile Safari/537.36",
        "Mozilla/5.0 (Android 13; Mobile; rv:120.0) Gecko/120.0 Firefox/120.0",
        // Browsers inside of apps
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/21B91 [FBAN/FBIOS;FBDV/iPhone14,5;FBMD/iPhone;FBSN/iOS;FBSV/17.1.1;FBSS/3;FBID/phone;FBLC/es_LA;FBOP/5]",
        "Mozilla/5.0 (Linux; Android 13; SM-A536E Build/TP1A.220624.014; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/119.0.6045.163 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/442.0.0.44.114;]",
        "Mozilla/5.0 (Linux; Android 12; Redmi Note 11 Build/SKQ1.211103.001; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/119.0.6045.193 Mobile Safari/537.36 Instagram 309.1.0.41.113 Android (31/12; 440dpi; 1080x2177; Xiaomi/Redmi; 2201117TL; spes; qcom; es_US; 541635897)",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Instagram 309.0.2.26.109 (iPhone14,5; iOS 17_1_2; es_US; es; scale=3.00; 1170x2532; 541938571)",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 16_6_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 WhatsApp/2.23.21.78",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 [LinkedInApp]/9.28.8115",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 [Pinterest/iOS]",
        "Mozilla/5.0 (Linux; Android 13; 2201117TG Build/TKQ1; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/119.0 Mobile Safari/537.36 [Pinterest/Android]",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Twitter for iPhone/10.16",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) GSA/291.0.585 Mobile/15E148 Safari/604.1",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Slack/4.35.131 Chrome/118.0.5993.120 Electron/27.0.3 Safari/537.36",
        "Mozilla/5.0 (Linux; Android 11; CPH2269 Build/RP1A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/119.0.6045.163 Mobile Safari/537.36 musical_ly_2023 BytedanceWebview/d8a21c6",
        // Words that uap-core takes for spiders
        "Mozilla/5.0 (Linux; Android 11; KFTRWI) AppleWebKit/537.36 (KHTML, like Gecko) Silk/119.4.1 like Chrome/119.0.6045.193 Safari/537.36",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Silk/119.4.1 like Chrome/119.0.6045.193 Safari/537.36",
        "Mozilla/5.0 (Linux; Android 11; CUBOT NOTE 20) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 Mobile Safari/537.36",
        "Mozilla/5.0 (Linux; Android 9; CUBOT) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 Mobile Safari/537.36",
        "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.0; Bank of New Zealand)",
        "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; Netvitamine Toolbar (+http://www.netvitamine.com); .NET CLR 1.1.4322)",
        // Apps that say nothing of their own
        "okhttp/4.12.0", "Dart/3.2 (dart:io)", "Marketplace/241 CFNetwork/1474 Darwin/23.0.0",
        "Dalvik/2.1.0 (Linux; U; Android 13; SM-A536E Build/TP1A.220624.014)",
        "",
    ]

    @Test(arguments: persons)
    func personsAreNot(_ userAgent: String) {
        #expect(rule(userAgent) == "")
        #expect(!UserAgentFacts.text(UserAgentParser.shared.facts(userAgent).device).contains("\"bot\""))
    }

    @Test func ofTheDevicesThatUapCoreKnowsNoneIsABotByOurPatterns() throws {
        var marked: [String] = []
        for uapCase in try UapCore.cases("tests/test_device.yaml") where uapCase["brand"] != .some("Spider") {
            guard let text = uapCase["user_agent_string"] ?? nil, let brand = uapCase["brand"] ?? nil, brand != "Generic" else {
                continue
            }
            if !rule(text).isEmpty { marked.append("\(rule(text)): \(text)") }
        }
        // WhatsApp on a phone that fetches the preview of a link, and crawlers that pretend to be one.
        let others = marked.filter {
            !$0.contains("WhatsApp/2") && !$0.lowercased().contains("crawler") && !$0.lowercased().contains("spider")
        }
        #expect(others.isEmpty, "\(others)")
    }
}
