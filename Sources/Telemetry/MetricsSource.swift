/// A part of the service that has something to say on `/metrics`.
package protocol MetricsSource: Sendable {
    func write(to text: inout PrometheusText)
}
