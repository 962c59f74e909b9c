/// What a bot's user agent has that uap-core does not know for a bot's. Case does not matter; the first pattern that matches names
/// the bot.
///
/// In doubt a user agent is a person's: a bot among persons is noise, a person among bots is lost. So okhttp, CFNetwork, Dart and
/// the like are not here: they are what an app says that says nothing of its own.
enum BotPatterns {
    static let bots: [(name: String, pattern: String)] = [
        // Browsers that no person looks at
        ("HeadlessChrome", "HeadlessChrome"),
        ("PhantomJS", "PhantomJS"),
        ("SlimerJS", "SlimerJS"),
        ("HtmlUnit", "HtmlUnit"),
        ("jsdom", "jsdom/"),
        ("Puppeteer", "Puppeteer"),
        ("Playwright", "Playwright"),
        ("Cypress", "\\bCypress/"),
        ("Prerender", "\\bPrerender\\b"),

        // Measurements of pages
        ("Lighthouse", "Chrome-Lighthouse"),
        ("PageSpeed Insights", "Google Page ?Speed"),
        ("GTmetrix", "GTmetrix"),
        ("WebPageTest", "\\bPTST/"),
        ("YellowLabTools", "YellowLab"),

        // Monitoring
        ("UptimeRobot", "UptimeRobot"),
        ("Pingdom", "Pingdom"),
        ("StatusCake", "StatusCake"),
        ("Site24x7", "Site24x7"),
        ("Datadog", "Datadog"),
        ("New Relic", "NewRelicPinger|NewRelicSynthetics"),
        ("Better Stack", "Better ?Uptime|Better ?Stack"),
        ("Uptime Kuma", "Uptime-Kuma"),
        ("updown.io", "updown\\.io"),
        ("Checkly", "\\bCheckly\\b"),
        ("HetrixTools", "HetrixTools"),
        ("Nagios", "^check_http|Nagios"),
        ("Zabbix", "Zabbix"),
        ("Prometheus", "^(?:Prometheus|Blackbox[ -]Exporter)/"),
        ("Google Cloud Monitoring", "GoogleStackdriverMonitoring"),
        ("Google health check", "^GoogleHC/"),
        ("Route 53 health check", "Amazon-Route53-Health-Check"),
        ("ELB health check", "^ELB-HealthChecker/"),
        ("Kubernetes probe", "^kube-probe/"),

        // Previews of links
        ("WhatsApp", "^WhatsApp/"),
        ("Facebook", "facebookexternalhit|facebookcatalog|\\bFacebot\\b"),
        ("Meta", "meta-external(?:agent|fetcher|hit)|meta-webindexer"),
        ("Twitterbot", "Twitterbot"),
        ("Slack", "Slackbot|Slack-ImgProxy"),
        ("TelegramBot", "TelegramBot"),
        ("Discordbot", "Discordbot"),
        ("LinkedInBot", "LinkedInBot"),
        ("Skype", "SkypeUriPreview"),
        ("Pinterest", "\\bPinterest(?:bot)?/[0-9.]+ ?\\([^)]*https?://"),
        ("Reddit", "redditbot"),
        ("Bing preview", "BingPreview|MicrosoftPreview"),
        ("Google preview", "Google Web Preview|developers\\.google\\.com/\\+/web/snippet"),
        ("Snapchat", "Snap URL Preview"),
        ("Iframely", "Iframely"),
        ("Embedly", "Embedly"),
        ("VK", "\\bvkShare\\b"),
        ("Mastodon", "Mastodon/[0-9]"),

        // What reads for language models
        ("GPTBot", "GPTBot"),
        ("OpenAI", "ChatGPT-User|OAI-SearchBot"),
        ("ClaudeBot", "ClaudeBot"),
        ("Anthropic", "Claude-(?:User|Web|SearchBot)|anthropic-ai"),
        ("PerplexityBot", "PerplexityBot"),
        ("Perplexity", "Perplexity-User"),
        ("CCBot", "\\bCCBot/"),
        ("Bytespider", "Bytespider"),
        ("TikTokSpider", "TikTokSpider"),
        ("Amazonbot", "Amazonbot"),
        ("Applebot", "Applebot"),
        ("Google other", "\\bGoogleOther|Google-CloudVertexBot|Google-NotebookLM"),
        ("Mistral", "MistralAI-User"),
        ("DuckAssistBot", "DuckAssistBot"),
        ("Diffbot", "Diffbot"),
        ("Cohere", "cohere-(?:ai|training)"),

        // Optimizers of search results
        ("Ahrefs", "AhrefsBot|AhrefsSiteAudit"),
        ("Semrush", "SemrushBot|SiteAuditBot"),
        ("MJ12bot", "MJ12bot"),
        ("DotBot", "\\bDotBot/"),
        ("DataForSeoBot", "DataForSeoBot"),
        ("Screaming Frog", "Screaming Frog"),
        ("Sitebulb", "Sitebulb"),

        // Search engines, where they do not say "bot"
        (
            "Google",
            "Mediapartners-Google|AdsBot-Google|APIs-Google|FeedFetcher-Google|Google-InspectionTool|Google-Read-Aloud|Storebot-Google|Google-Safety"
        ),
        ("Yandex", "\\bYandex[A-Za-z]+/[0-9.]+;? ?(?:\\+https?:|[A-Za-z]*; \\+https?:|MirrorDetector)"),
        ("Yahoo", "Yahoo! ?Slurp"),
        ("archive.org", "archive\\.org_bot|ia_archiver|Wayback"),

        // Programs and libraries that have no screen; on their own, for a person's browser may name what it is built with
        ("curl", "^(?:lib)?curl/"),
        ("Wget", "^Wget2?/"),
        ("HTTPie", "^HTTPie/"),
        ("Postman", "^PostmanRuntime/"),
        ("Insomnia", "^insomnia/"),
        ("python-requests", "^python-requests/"),
        ("Python", "^Python(?:-urllib)?/|^python-(?:httpx|urllib3)/|^aiohttp/"),
        ("Scrapy", "^Scrapy/"),
        ("Go-http-client", "^Go-http-client/|^Go [0-9.]+ package http"),
        ("Java", "^Java/|^Java-http-client/|^Apache-HttpClient/[0-9.]+ \\(Java/"),
        ("Node.js", "^(?:node|undici|axios|got|node-fetch|superagent)(?:$|/| \\()"),
        ("PHP", "^(?:PHP|GuzzleHttp|Symfony HttpClient)\\b"),
        ("Ruby", "^(?:Ruby|Faraday|rest-client|Mechanize)\\b"),
        ("Perl", "^(?:libwww-perl|lwp-|LWP::)"),
        ("Rust", "^(?:reqwest|hyper|ureq)/"),
        ("PowerShell", "WindowsPowerShell/|^PowerShell/"),
        ("load test", "^(?:k6|ApacheBench|Apache-JMeter|vegeta|hey|wrk|oha|Locust|Gatling|Siege|autocannon)\\b"),
        (
            "scanner",
            "^(?:masscan|zgrab|Nmap|nikto|sqlmap|nuclei)\\b|zgrab/|Nmap Scripting|CensysInspect|InternetMeasurement|Expanse, a Palo Alto"
        ),

        // Bots that say that they are: by the word, which is not the end of a phone's name (Cubot), or by where to ask about them
        ("bot by its name", "(?:^|[^a-z]|[a-tv-z])bots?(?:[^a-z]|$)|(?:crawler|spider|scraper)(?:[^a-z]|$)"),
        ("bot by its address", "compatible; [^()]*\\+https?://"),
    ]

    /// Browsers that persons use, in uap-core's words. uap-core calls a spider whatever has one of some hundred words in its first hundred
    /// bytes, among them "bot", "silk" and "zeal": Cubot's phones, Amazon's browser, and the Bank of New Zealand's. Where the browser is
    /// one of these, that is not enough, and only `bots` count; for the bots' own names come first in uap-core's list of browsers.
    static let personsBrowsers: Set<String> = [
        "Amazon Silk", "Android", "Baidu Browser", "Baidu Browser Mobile", "Baidu Explorer", "Baidu Box App", "BlackBerry WebKit",
        "Brave",
        "Chrome", "Chrome Mobile", "Chrome Mobile WebView", "Chrome Mobile iOS", "Chromium", "DuckDuckGo Mobile", "Edge",
        "Edge Mobile",
        "Facebook", "Facebook Messenger", "Firefox", "Firefox Focus", "Firefox Mobile", "Firefox iOS", "Flipboard", "Google",
        "IE",
        "IE Large Screen", "IE Mobile", "Instagram", "Iron", "KakaoTalk", "Konqueror", "Line", "Maxthon", "MIUI Browser",
        "MiuiBrowser",
        "Mobile Safari", "Mobile Safari UI/WKWebView", "NAVER", "NetFront", "Nokia Browser", "Opera", "Opera Coast", "Opera Mini",
        "Opera Mobile", "Opera Tablet", "Outlook", "Pale Moon", "Pinterest", "Puffin", "QQ Browser", "QQ Browser Mini",
        "QQ Browser Mobile", "Safari", "Samsung Internet", "SeaMonkey", "Sleipnir", "Snapchat", "Sogou Explorer", "Thunderbird",
        "Tizen Browser", "Twitter",
        "UC Browser", "Vivaldi", "WebKit Nightly", "Whale", "Yandex Browser",
    ]
}
