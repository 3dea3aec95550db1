import CoreMetrics
import Synchronization

/// The memory of one series. Increments take no lock.
protocol MetricCell: AnyObject, Sendable {
    static var kind: ExpositionText.Kind { get }
    func write(_ name: String, labels: String, into text: inout ExpositionText)
}

/// A whole number that rises.
final class CounterCell: MetricCell, CounterHandler {
    static let kind = ExpositionText.Kind.counter
    private let value = Atomic<UInt64>(0)

    /// A negative amount is a mistake that would read as a restart: it is left out.
    func increment(by amount: Int64) {
        guard amount > 0 else { return }
        value.wrappingAdd(UInt64(amount), ordering: .relaxed)
    }

    func reset() { value.store(0, ordering: .relaxed) }

    func write(_ name: String, labels: String, into text: inout ExpositionText) {
        text.sample(name, rendered: labels, "\(value.load(ordering: .relaxed))")
    }
}

/// A number that rises, such as seconds of CPU.
final class FloatingCounterCell: MetricCell, FloatingPointCounterHandler {
    static let kind = ExpositionText.Kind.counter
    private let value = AtomicDouble()

    /// What is not a positive finite number is left out.
    func increment(by amount: Double) {
        guard amount > 0, amount.isFinite else { return }
        value.add(amount)
    }

    func reset() { value.store(0) }

    func write(_ name: String, labels: String, into text: inout ExpositionText) {
        text.sample(name, rendered: labels, ExpositionText.number(value.load()))
    }
}

/// A number that rises and falls.
final class GaugeCell: MetricCell, MeterHandler, RecorderHandler {
    static let kind = ExpositionText.Kind.gauge
    private let value = AtomicDouble()

    func set(_ value: Int64) { self.value.store(Double(value)) }
    func set(_ value: Double) { self.value.store(value) }
    func increment(by amount: Double) { value.add(amount) }
    func decrement(by amount: Double) { value.add(-amount) }
    func record(_ value: Int64) { set(value) }
    func record(_ value: Double) { set(value) }

    func write(_ name: String, labels: String, into text: inout ExpositionText) {
        text.sample(name, rendered: labels, ExpositionText.number(value.load()))
    }
}

/// Counts of values below fixed bounds, and their sum.
final class HistogramCell: MetricCell, TimerHandler, RecorderHandler {
    static let kind = ExpositionText.Kind.histogram

    /// Upper bounds that rise; a value on a bound is below it. What is above all of them has a bucket of its own.
    private let bounds: [Double]
    private let buckets: [Bucket]
    private let sum = AtomicDouble()

    private final class Bucket: Sendable {
        let count = Atomic<UInt64>(0)
    }

    init(bounds: [Double]) {
        self.bounds = bounds
        buckets = (0...bounds.count).map { _ in Bucket() }
    }

    func recordNanoseconds(_ duration: Int64) { record(Double(max(0, duration)) / 1e9) }

    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        guard value.isFinite else { return }
        let index = bounds.firstIndex { value <= $0 } ?? bounds.count
        buckets[index].count.wrappingAdd(1, ordering: .relaxed)
        sum.add(value)
    }

    func write(_ name: String, labels: String, into text: inout ExpositionText) {
        // Read once, so that the count always equals the last bucket.
        text.histogram(
            name, rendered: labels, bounds: bounds, buckets: buckets.map { $0.count.load(ordering: .relaxed) },
            sum: sum.load())
    }
}

/// A Double that threads share, by its bit pattern.
final class AtomicDouble: Sendable {
    private let bits = Atomic<UInt64>(0)

    func load() -> Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

    func store(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }

    func add(_ amount: Double) {
        var old = bits.load(ordering: .relaxed)
        while true {
            let new = (Double(bitPattern: old) + amount).bitPattern
            let (exchanged, original) = bits.weakCompareExchange(expected: old, desired: new, ordering: .relaxed)
            if exchanged { return }
            old = original
        }
    }
}
