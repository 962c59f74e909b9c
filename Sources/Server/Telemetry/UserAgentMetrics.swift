internal import Ingestion
internal import Telemetry

/// What `/metrics` says of the cache of user agents.
struct UserAgentMetrics: MetricsSource {
    let enricher: Enricher

    func write(to text: inout PrometheusText) {
        guard let statistics = enricher.userAgentStatistics else { return }
        text.add(
            "user_agent_cache_lookups_total", .counter, help: "User agents looked up, by whether they were known already.",
            [([("result", "hit")], Int64(statistics.hits)), ([("result", "miss")], Int64(statistics.misses))])
        text.add("user_agent_cache_entries", .gauge, help: "User agents that are remembered.", Int64(statistics.entries))
    }
}
