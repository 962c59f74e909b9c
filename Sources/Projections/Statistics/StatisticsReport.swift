/// What the statistics say.
package struct StatisticsReport: Sendable {
    package struct Named: Sendable, Equatable {
        package let name: String
        package let count: Int64
    }

    /// Events, and those among them whose names are told by themselves.
    package struct Events: Sendable, Equatable {
        package internal(set) var total: Int64 = 0
        package internal(set) var names: [Named] = []
    }

    package struct Bucket: Sendable, Equatable {
        /// Milliseconds since 1970.
        package let start: Int64
        package internal(set) var events: Events
    }

    /// How many different ones there were; where it is an estimate, with its standard error, as a part of it.
    package struct Uniques: Sendable, Equatable {
        package let count: Int
        package let standardError: Double

        init(_ sketch: UniqueSketch) {
            count = sketch.count
            standardError = sketch.isEstimate ? UniqueSketch.standardError : 0
        }
    }

    package struct Vehicle: Sendable, Equatable {
        package let id: String
        package let views: Int64
        package let users: Uniques
        package let leads: Int64
    }

    /// The figures of one day.
    package struct Day: Sendable, Equatable {
        /// As 20261129 says it.
        package let day: Int
        package let views, searches, leads: Int64
        package let filters, leadsByVehicle, leadsByDealer: [Named]
        package let topVehicles: [Vehicle]
        package let vehicle: Vehicle?
    }

    /// Milliseconds since 1970: from the start of the first interval on.
    package let times: Range<Int64>
    package let timeZone: String
    package let events: Events
    package let series: [Bucket]
    /// Users of the last five minutes.
    package let activeUsers: Uniques
    package let day: Day
}
