import Foundation

/// Measured values, told by their middle and their tail.
struct Spread {
    private var values: [Double]

    init(_ values: [Double]) { self.values = values.sorted() }

    var count: Int { values.count }

    func quantile(_ q: Double) -> Double {
        guard !values.isEmpty else { return .nan }
        return values[min(values.count - 1, Int((Double(values.count) * q).rounded(.down)))]
    }

    /// `p50 12.3, p95 15.0, max 17.2 (n 50)`
    func text(_ unit: String, digits: Int = 1, tail: (name: String, q: Double) = ("p95", 0.95)) -> String {
        let words = [("p50", 0.5), (tail.name, tail.q), ("max", 1)].map { name, q in
            "\(name) \(String(format: "%.\(digits)f", quantile(q)))"
        }
        return "\(words.joined(separator: ", ")) \(unit) (n \(count))"
    }
}
