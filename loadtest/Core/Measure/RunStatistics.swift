/// Everything that a round counts. One owner, no locks: viewers share an event loop.
package struct RunStatistics: Sendable {
    package struct Second: Sendable, Equatable {
        package var glass = LatencyHistogram()
        package var requests = 0
        package var bytes = 0
        package var errors = 0
        package var stalls = 0
        package var joins = 0
        package var viewers = 0
    }

    /// Latency of the picture on the glass, of every part of every viewer.
    package private(set) var glass = LatencyHistogram()
    /// From a part's last frame being captured to its last byte at the viewer.
    package private(set) var delivery = LatencyHistogram()
    package private(set) var join = LatencyHistogram()
    package private(set) var stageSums = [Double](repeating: 0, count: Stage.allCases.count)
    package private(set) var stagedParts = 0
    package private(set) var unstamped = 0
    package private(set) var skipped = 0
    package private(set) var requests = 0
    package private(set) var bytes = 0
    package private(set) var errors: [String: Int] = [:]
    package private(set) var violations: [Violation.Rule: (count: Int, first: String)] = [:]
    package private(set) var stalls = 0
    package private(set) var stalledTime: Int64 = 0
    package private(set) var firstStall: String?
    package private(set) var seconds: [Second] = []
    /// Microseconds since 1970 at which counting begins.
    package private(set) var begin: Int64 = .max

    package init() {}

    /// Counts from here on; what came before is forgotten, but for the joins, which are of the whole round.
    package mutating func start(at now: Int64) {
        let join = join
        self = RunStatistics()
        self.join = join
        begin = now
    }

    package var isCounting: Bool { begin != .max }

    private mutating func second(at now: Int64, _ change: (inout Second) -> Void) {
        let index = Int(max(0, now - begin) / 1_000_000)
        guard index < 100_000 else { return }
        while seconds.count <= index { seconds.append(Second()) }
        change(&seconds[index])
    }

    package mutating func shown(_ shown: ViewerModel.ShownPart, of part: StreamBook.Part?) {
        guard isCounting, shown.shownAt >= begin else { return }
        guard let part, let first = part.first, let last = part.last,
            let stages = Stage.split(shown, of: part)
        else {
            unstamped += 1
            return
        }
        let age = shown.shownAt - first.capturedAt
        glass.record(age)
        delivery.record(shown.arrivedAt - last.capturedAt)
        for (index, stage) in stages.enumerated() { stageSums[index] += Double(stage) }
        stagedParts += 1
        second(at: shown.shownAt) { $0.glass.record(age) }
    }

    package mutating func answered(bytes count: Int, at now: Int64) {
        guard isCounting else { return }
        requests += 1
        bytes += count
        second(at: now) {
            $0.requests += 1
            $0.bytes += count
        }
    }

    package mutating func failed(_ reason: String, at now: Int64) {
        guard isCounting else { return }
        // Reasons come from a small set; a server that invents words must not fill the memory.
        if errors[reason] != nil || errors.count < 50 {
            errors[reason, default: 0] += 1
        } else {
            errors["others", default: 0] += 1
        }
        second(at: now) { $0.errors += 1 }
    }

    package mutating func broken(_ violation: Violation, at now: Int64) {
        guard isCounting else { return }
        let known = violations[violation.rule]
        violations[violation.rule] = (
            (known?.count ?? 0) + 1, known?.first ?? "\(seconds(since: now)): \(violation.evidence)"
        )
    }

    package mutating func stalled(from: Int64, until: Int64, viewer: String) {
        guard isCounting, until > begin else { return }
        stalls += 1
        stalledTime += until - max(from, begin)
        if firstStall == nil {
            firstStall = "\(seconds(since: from)): \(viewer), for \((until - from) / 1_000) ms"
        }
        second(at: max(from, begin)) { $0.stalls += 1 }
    }

    package mutating func joined(after time: Int64, at now: Int64) {
        join.record(time)
        guard isCounting else { return }
        second(at: now) { $0.joins += 1 }
    }

    package mutating func skipped(_ count: Int) { if isCounting { skipped += count } }

    package mutating func watching(_ count: Int, at now: Int64) {
        if isCounting { second(at: now) { $0.viewers = count } }
    }

    private func seconds(since now: Int64) -> String {
        let milliseconds = (now - begin) / 1_000
        return "at \(milliseconds / 1_000).\(String(1_000 + abs(milliseconds) % 1_000).dropFirst()) s"
    }

    package var errorCount: Int { errors.values.reduce(0, +) }
    package var violationCount: Int { violations.values.reduce(0) { $0 + $1.count } }
}
