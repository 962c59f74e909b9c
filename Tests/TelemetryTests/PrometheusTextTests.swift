import Telemetry
import Testing

@Suite struct PrometheusTextTests {
    @Test func aFamilyHasItsHelpItsTypeAndItsSamples() {
        var text = PrometheusText()
        text.add("a_total", .counter, help: "All of it.", 3)
        text.add("b", .gauge, help: "By part.", [([("part", "x"), ("other", "y")], 1), ([("part", "z"), ("other", "")], -2)])
        text.add("c", .gauge, help: "Of nothing.", [])
        #expect(
            text.text == """
                # HELP a_total All of it.
                # TYPE a_total counter
                a_total 3
                # HELP b By part.
                # TYPE b gauge
                b{part="x",other="y"} 1
                b{part="z",other=""} -2

                """)
    }

    @Test func noLabelEndsItsLine() {
        var text = PrometheusText()
        text.add("a", .gauge, help: "h", [([("name", "x\r\ny\"\\z\u{301}")], 1)])
        #expect(text.text.split(separator: "\n").count == 3)
        #expect(text.text.contains("a{name=\"x\r\\ny\\\"\\\\z\u{301}\"} 1\n"))
    }

    @Test func aHistogramAddsUpItsBuckets() {
        let histogram = Histogram(bounds: [500, 1000, 12_345])
        for value in [10, 700, 1000, 99_990] { histogram.record(value) }
        var text = PrometheusText()
        text.add("t_ms", help: "How long.", histogram, decimals: 3)
        #expect(
            text.text == """
                # HELP t_ms How long.
                # TYPE t_ms histogram
                t_ms_bucket{le="0.5"} 1
                t_ms_bucket{le="1"} 3
                t_ms_bucket{le="12.345"} 3
                t_ms_bucket{le="+Inf"} 4
                t_ms_sum 101.7
                t_ms_count 4

                """)
    }
}
