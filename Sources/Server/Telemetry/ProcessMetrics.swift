internal import Foundation
internal import Telemetry

/// What `/metrics` says of the process, under the names that Prometheus' own libraries use; from Linux' /proc.
struct ProcessMetrics: MetricsSource {
    /// Seconds since 1970.
    private let startTime = Int64(Date().timeIntervalSince1970)

    func write(to text: inout PrometheusText) {
        text.add("process_start_time_seconds", .gauge, help: "When the process began, in seconds since 1970.", startTime)
        if let pages = Self.residentPages {
            text.add("process_resident_memory_bytes", .gauge, help: "Memory in use.", pages * Int64(sysconf(Int32(_SC_PAGESIZE))))
        }
        text.add(
            "process_open_fds", .gauge, help: "Open file descriptors.", Int64(DescriptorBudget.countOpenDescriptors()))
    }

    private static var residentPages: Int64? {
        guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return nil }
        let fields = text.split(separator: " ")
        return fields.count > 1 ? Int64(fields[1]) : nil
    }
}
