import CoreMetrics
import Synchronization

/// Metrics of the process in Prometheus' text format, behind swift-metrics' `Counter`, `Gauge`, `Meter`, `Timer` …
///
/// | swift-metrics | family |
/// |---|---|
/// | `Counter`, `FloatingPointCounter` | counter |
/// | `Gauge`, `Meter`, `Recorder` without aggregation | gauge |
/// | `Timer` | histogram in seconds: name it `…_seconds` |
/// | `Recorder` with aggregation | histogram |
///
/// Labels of metrics are names as they are exposed (`needletail_edge_requests_total`); dimensions are Prometheus' labels.
/// Making a handler takes a lock; recording takes none. A family has a bounded number of series: further label sets share
/// the one with `overflow="true"`, and `metrics_overflow_total` counts how often that was so.
package final class PrometheusFactory: MetricsFactory {
    /// Bounds of timers' buckets, in seconds: from a cached answer to a hung one.
    package static let secondsBuckets: [Double] = [
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
    ]
    /// Bounds of aggregating recorders' buckets, by powers of ten.
    package static let valueBuckets: [Double] = [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9]

    private struct Description {
        var help: String
        var buckets: [Double]?
    }

    private struct Family {
        var series: [LabelSet: any MetricCell] = [:]
    }

    private struct State {
        var families: [String: Family] = [:]
        var descriptions: [String: Description] = [:]
        var overflows: [String: UInt64] = [:]
        var rejections: UInt64 = 0
    }

    private let maximumSeries: Int
    private let maximumFamilies: Int
    private let state = Mutex(State())

    /// - Parameters:
    ///   - maximumSeries: Label sets that a family keeps apart.
    ///   - maximumFamilies: Names that are exposed; recording under more of them goes nowhere and is counted.
    package init(maximumSeries: Int = 1000, maximumFamilies: Int = 1000) {
        self.maximumSeries = maximumSeries
        self.maximumFamilies = maximumFamilies
    }

    /// Says what a metric means, before the first use of it.
    ///
    /// - Parameters:
    ///   - label: The metric's name.
    ///   - help: A sentence with the unit.
    ///   - buckets: Upper bounds of a histogram's buckets, rising and finite; nil for the standard ones.
    package func describe(_ label: String, help: String, buckets: [Double]? = nil) {
        precondition(
            buckets.map { zip($0, $0.dropFirst()).allSatisfy { $0 < $1 } && $0.allSatisfy(\.isFinite) } ?? true,
            "the buckets of \(label) must rise and be finite")
        state.withLock {
            $0.descriptions[ExpositionName.metric(label)] = Description(help: help, buckets: buckets)
        }
    }

    // MARK: MetricsFactory

    package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        cell(label, dimensions) { _ in CounterCell() }
    }

    package func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        cell(label, dimensions) { _ in FloatingCounterCell() }
    }

    package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        cell(label, dimensions) { _ in GaugeCell() }
    }

    package func makeRecorder(
        label: String, dimensions: [(String, String)], aggregate: Bool
    ) -> any RecorderHandler {
        if aggregate { return cell(label, dimensions) { HistogramCell(bounds: $0 ?? Self.valueBuckets) } }
        return cell(label, dimensions) { _ in GaugeCell() }
    }

    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        cell(label, dimensions) { HistogramCell(bounds: $0 ?? Self.secondsBuckets) }
    }

    package func destroyCounter(_ handler: any CounterHandler) { remove(handler) }
    package func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { remove(handler) }
    package func destroyMeter(_ handler: any MeterHandler) { remove(handler) }
    package func destroyRecorder(_ handler: any RecorderHandler) { remove(handler) }
    package func destroyTimer(_ handler: any TimerHandler) { remove(handler) }

    // MARK: Series

    /// The cell of a series, made at first use. `make` takes the buckets that were described.
    private func cell<Cell: MetricCell>(
        _ label: String, _ dimensions: [(String, String)], make: ([Double]?) -> Cell
    ) -> Cell {
        let name = ExpositionName.metric(label)
        let labels = LabelSet(dimensions)
        return state.withLock { state in
            let buckets = state.descriptions[name]?.buckets
            guard var family = state.families[name] else {
                let cell = make(buckets)
                if state.families.count < maximumFamilies {
                    state.families[name] = Family(series: [labels: cell])
                } else {
                    state.rejections += 1
                }
                return cell
            }
            // Every cell of a family is of one class: a name used for two kinds is exposed as the first.
            guard let any = family.series.first?.value, any is Cell else {
                if family.series.isEmpty {
                    let cell = make(buckets)
                    state.families[name] = Family(series: [labels: cell])
                    return cell
                }
                state.rejections += 1
                return make(buckets)
            }
            if let known = family.series[labels] as? Cell { return known }
            var place = labels
            if family.series.count >= maximumSeries {
                state.overflows[name, default: 0] += 1
                if let shared = family.series[.overflow] as? Cell { return shared }
                place = .overflow
            }
            let cell = make(buckets)
            family.series[place] = cell
            state.families[name] = family
            return cell
        }
    }

    private func remove(_ handler: AnyObject) {
        state.withLock { state in
            for (name, family) in state.families {
                guard let place = family.series.first(where: { $0.value === handler })?.key, place != .overflow else {
                    continue
                }
                state.families[name]?.series[place] = nil
                if state.families[name]?.series.isEmpty == true { state.families[name] = nil }
                return
            }
        }
    }

    // MARK: Exposition

    /// Appends every family in the order of names, and every series in that of its labels.
    package func expose(into text: inout ExpositionText) {
        let (families, descriptions, overflows, rejections) = state.withLock {
            ($0.families, $0.descriptions, $0.overflows, $0.rejections)
        }
        for (name, family) in families.sorted(by: { $0.key < $1.key }) {
            guard let kind = (family.series.first?.value).map({ type(of: $0).kind }) else { continue }
            text.family(name, kind, help: descriptions[name]?.help)
            for (labels, cell) in family.series.sorted(by: { $0.key < $1.key }) {
                cell.write(name, labels: labels.rendered, into: &text)
            }
        }
        if !overflows.isEmpty {
            text.family(
                "metrics_overflow_total", .counter,
                help: "Label sets beyond a metric's cap, whose values went to its series with overflow=\"true\".")
            for (name, count) in overflows.sorted(by: { $0.key < $1.key }) {
                text.sample("metrics_overflow_total", labels: [("metric", name)], count)
            }
        }
        if rejections > 0 {
            text.family(
                "metrics_rejected_total", .counter,
                help: "Handlers that are not exposed: a name in use for another kind, or one name too many.")
            text.sample("metrics_rejected_total", rejections)
        }
    }

    /// Appends the same as UTF-8.
    package func expose(into bytes: inout [UInt8]) {
        var text = ExpositionText(continuing: bytes)
        bytes = []
        expose(into: &text)
        bytes = text.bytes
    }
}
