import Seeded
import Testing

@testable import LoadtestCore

@Suite("Histogram of latencies") struct HistogramTests {
    @Test("quantiles are right to three digits, against sorted values", arguments: [1, 2, 3])
    func quantiles(seed: Int) {
        var generator = RunGenerator(seed: seed)
        var histogram = LatencyHistogram()
        var values: [Int64] = []
        for _ in 0..<5_000 {
            let value = Int64.random(in: 0...(1 << Int64.random(in: 1...31, using: &generator)), using: &generator)
            histogram.record(value)
            values.append(value)
        }
        values.sort()
        for share in [0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1] {
            let rank = max(1, Int((Double(values.count) * share).rounded(.up)))
            let exact = values[rank - 1]
            let found = histogram.quantile(share) ?? -1
            #expect(abs(found - exact) <= max(0, exact / 1_000), "\(share): \(found), exact \(exact)")
        }
        #expect(histogram.minimum == values.first && histogram.maximum == values.last)
        #expect(histogram.count == 5_000)
    }

    @Test("bounds: nothing, less than nothing, more than an hour")
    func bounds() {
        var histogram = LatencyHistogram()
        #expect(histogram.quantile(0.5) == nil && histogram.mean == nil)
        histogram.record(-5)
        #expect(histogram.quantile(1) == 0)
        histogram.record(.max)
        #expect(histogram.quantile(1) == 1 << 32)
    }

    @Test("the sum of two is one of all values")
    func sum() {
        var one = LatencyHistogram()
        var other = LatencyHistogram()
        var all = LatencyHistogram()
        for value in 0..<3_000 as Range<Int64> {
            if value % 2 == 0 { one.record(value * 77) } else { other.record(value * 77) }
            all.record(value * 77)
        }
        one.add(other)
        one.add(LatencyHistogram())
        #expect(one == all)
    }

    @Test("bins count every value once")
    func bins() throws {
        var histogram = LatencyHistogram()
        for value in stride(from: Int64(1_000), to: 900_000, by: 777) { histogram.record(value) }
        let distribution = try #require(RunReport.Distribution(histogram))
        #expect(distribution.bins.reduce(0) { $0 + $1.count } == histogram.count)
        #expect(distribution.bins.count == 60)
    }
}
