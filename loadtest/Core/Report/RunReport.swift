/// What a run found, as its JSON holds it. Durations are in milliseconds.
package struct RunReport: Codable, Sendable, Equatable {
    package var format = 1
    package var scenario: String
    /// ISO 8601, UTC.
    package var startedAt: String
    package var machine: String
    /// False when Ctrl-C ended it early.
    package var isComplete = true
    package var rounds: [Round]
    package var thresholds: [ThresholdResult] = []

    package init(scenario: String, startedAt: String, machine: String, rounds: [Round]) {
        self.scenario = scenario
        self.startedAt = startedAt
        self.machine = machine
        self.rounds = rounds
    }

    package struct Distribution: Codable, Sendable, Equatable {
        package var count: UInt64
        package var mean: Double
        package var minimum: Double
        package var p50: Double
        package var p90: Double
        package var p95: Double
        package var p99: Double
        package var p999: Double
        package var maximum: Double
        /// Upper edges of bins with their counts, for a plot.
        package var bins: [Bin]

        package struct Bin: Codable, Sendable, Equatable {
            package var upTo: Double
            package var count: UInt64
        }

        /// Nil without values.
        package init?(_ histogram: LatencyHistogram) {
            guard let mean = histogram.mean else { return nil }
            func milliseconds(_ share: Double) -> Double { Double(histogram.quantile(share) ?? 0) / 1_000 }
            count = histogram.count
            self.mean = mean / 1_000
            minimum = Double(histogram.minimum) / 1_000
            (p50, p90, p95) = (milliseconds(0.5), milliseconds(0.9), milliseconds(0.95))
            (p99, p999) = (milliseconds(0.99), milliseconds(0.999))
            maximum = Double(histogram.maximum) / 1_000
            let low = histogram.minimum
            let width = max(1, (histogram.maximum - low) / 60 + 1)
            let edges = (1...60).map { low + Int64($0) * width }
            bins = zip(edges, histogram.counts(between: edges)).map {
                Bin(upTo: Double($0) / 1_000, count: $1)
            }
        }
    }

    package struct StageShare: Codable, Sendable, Equatable {
        package var name: String
        package var meaning: String
        /// Mean over all parts shown.
        package var milliseconds: Double
    }

    package struct Second: Codable, Sendable, Equatable {
        package var glassP50: Double?
        package var glassP95: Double?
        package var glassP99: Double?
        package var requests: Int
        package var megabits: Double
        package var errors: Int
        package var stalls: Int
        package var joins: Int
        package var viewers: Int
    }

    package struct Broken: Codable, Sendable, Equatable {
        package var rule: Violation.Rule
        package var count: Int
        package var firstEvidence: String
    }

    package struct ProcessUse: Codable, Sendable, Equatable {
        package var name: String
        /// Percent of one core, second by second.
        package var cpu: [Double]
        /// Megabytes resident.
        package var memory: [Double]
        package init(name: String, cpu: [Double], memory: [Double]) {
            (self.name, self.cpu, self.memory) = (name, cpu, memory)
        }
        package var meanCPU: Double { cpu.isEmpty ? 0 : cpu.reduce(0, +) / Double(cpu.count) }
        package var peakMemory: Double { memory.max() ?? 0 }
    }

    package struct FaultMark: Codable, Sendable, Equatable {
        package var name: String
        /// Seconds from the begin of the measurement.
        package var from: Double
        package var until: Double
        package init(name: String, from: Double, until: Double) {
            (self.name, self.from, self.until) = (name, from, until)
        }
    }

    /// How well the tool itself kept up.
    package struct HarnessHealth: Codable, Sendable, Equatable {
        package var loopLag: Distribution?
        package var senderLateness: Distribution?
        /// Percent of one core.
        package var cpu: Double
        /// Why the figures cannot be trusted; empty when they can.
        package var spoiledBy: [String]
        package init(loopLag: Distribution?, senderLateness: Distribution?, cpu: Double, spoiledBy: [String]) {
            (self.loopLag, self.senderLateness) = (loopLag, senderLateness)
            (self.cpu, self.spoiledBy) = (cpu, spoiledBy)
        }
    }

    package struct BrowserResult: Codable, Sendable, Equatable {
        package var glass: Distribution?
        package var stalls: Int
        package var joinMilliseconds: Double?
        /// The browser's median less that of the model.
        package var differenceFromModel: Double?
        package init(glass: Distribution?, stalls: Int, joinMilliseconds: Double?, differenceFromModel: Double?) {
            (self.glass, self.stalls) = (glass, stalls)
            (self.joinMilliseconds, self.differenceFromModel) = (joinMilliseconds, differenceFromModel)
        }
    }

    package struct Round: Codable, Sendable, Equatable {
        package var glass: Distribution?
        package var delivery: Distribution?
        package var join: Distribution?
        package var stages: [StageShare]
        package var seconds: [Second]
        package var requests: Int
        package var megabytes: Double
        package var skippedParts: Int
        package var unstampedParts: Int
        package var errors: [String: Int]
        package var violations: [Broken]
        package var stalls: Int
        package var stalledSeconds: Double
        package var firstStall: String?
        package var processes: [ProcessUse] = []
        package var faults: [FaultMark] = []
        package var harness: HarnessHealth?
        package var browser: BrowserResult?

        /// `length` is in seconds: seconds in which nothing happened are there too.
        package init(_ statistics: RunStatistics, length: Int) {
            glass = Distribution(statistics.glass)
            delivery = Distribution(statistics.delivery)
            join = Distribution(statistics.join)
            let parts = Double(max(1, statistics.stagedParts))
            stages = Stage.allCases.map {
                StageShare(
                    name: $0.name, meaning: $0.meaning, milliseconds: statistics.stageSums[$0.rawValue] / parts / 1_000)
            }
            let empty = RunStatistics.Second()
            seconds = (0..<max(length, 0)).map { index in
                let second = index < statistics.seconds.count ? statistics.seconds[index] : empty
                func milliseconds(_ share: Double) -> Double? {
                    second.glass.quantile(share).map { Double($0) / 1_000 }
                }
                return Second(
                    glassP50: milliseconds(0.5), glassP95: milliseconds(0.95), glassP99: milliseconds(0.99),
                    requests: second.requests, megabits: Double(second.bytes) * 8e-6, errors: second.errors,
                    stalls: second.stalls, joins: second.joins, viewers: second.viewers)
            }
            requests = statistics.requests
            megabytes = Double(statistics.bytes) / 1e6
            skippedParts = statistics.skipped
            unstampedParts = statistics.unstamped
            errors = statistics.errors
            violations = Violation.Rule.allCases.compactMap { rule in
                statistics.violations[rule].map { Broken(rule: rule, count: $0.count, firstEvidence: $0.first) }
            }
            stalls = statistics.stalls
            stalledSeconds = Double(statistics.stalledTime) / 1e6
            firstStall = statistics.firstStall
        }

        package var errorCount: Int { errors.values.reduce(0, +) }
        package var violationCount: Int { violations.reduce(0) { $0 + $1.count } }
    }

    package struct ThresholdResult: Codable, Sendable, Equatable {
        package var name: String
        package var limit: Double
        /// The worst of all rounds; nil when nothing was measured, which keeps no threshold.
        package var value: Double?
        package var isKept: Bool { value.map { $0 <= limit } ?? false }
    }

    /// True when every threshold held.
    package var isKept: Bool { thresholds.allSatisfy(\.isKept) }
    /// True when the tool itself was in the way.
    package var isSpoiled: Bool { rounds.contains { $0.harness?.spoiledBy.isEmpty == false } }

    package mutating func judge(_ thresholds: Thresholds) {
        func add(_ name: String, _ limit: Double?, _ value: (Round) -> Double?) {
            guard let limit else { return }
            let values = rounds.map(value)
            let worst = values.contains { $0 == nil } ? nil : values.compactMap { $0 }.max()
            self.thresholds.append(ThresholdResult(name: name, limit: limit, value: worst))
        }
        func milliseconds(_ duration: Duration?) -> Double? { duration.map { Double($0.microseconds) / 1_000 } }
        add("glass p50, ms", milliseconds(thresholds.glassP50)) { $0.glass?.p50 }
        add("glass p95, ms", milliseconds(thresholds.glassP95)) { $0.glass?.p95 }
        add("glass p99, ms", milliseconds(thresholds.glassP99)) { $0.glass?.p99 }
        add("join p95, ms", milliseconds(thresholds.joinP95)) { $0.join?.p95 }
        add("errors", thresholds.errors.map(Double.init)) { Double($0.errorCount) }
        add("violations", thresholds.violations.map(Double.init)) { Double($0.violationCount) }
        add("stalls", thresholds.stalls.map(Double.init)) { Double($0.stalls) }
        add("stalled, ms", milliseconds(thresholds.stalledTime)) { $0.stalledSeconds * 1_000 }
    }
}
