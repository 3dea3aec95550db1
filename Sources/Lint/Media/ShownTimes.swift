/// When the samples of a segment are shown, in ticks: no two at once, and none before what an earlier group of pictures showed.
struct ShownTimes {
    /// In order.
    private let times: [Int64]
    private let startsIndependent: Bool
    /// Less than this apart is at once: a quarter of the shortest frame, a millisecond at most.
    private let tolerance: Int64
    /// The first fault in the segment's shown times; nil where there is none.
    private(set) var fault: String?

    init(_ samples: [MediaSample], timescale: UInt32) {
        times = samples.map(\.shownAt).sorted()
        startsIndependent = samples.first?.isIndependent ?? false
        let shortest = samples.map(\.duration).filter { $0 > 0 }.min() ?? 1
        tolerance = max(1, min(shortest / 4, Int64(timescale) / 1_000))
        fault = collision(in: times) ?? Self.return(in: samples)
    }

    /// How they collide with the segment before, or go back into it; nil where they do neither.
    func fault(after earlier: ShownTimes) -> String? {
        guard let first = times.first, let last = earlier.times.last, first <= last else { return nil }
        guard !startsIndependent else {
            return "a frame is shown at \(first) ticks, though the segment before showed one at \(last)"
        }
        // Cut in the middle of frames that are shown out of order: some of either may be shown among those of the other.
        return collision(in: (earlier.times.filter { $0 >= first - tolerance } + times).sorted())
    }

    private func collision(in times: [Int64]) -> String? {
        for (time, next) in zip(times, times.dropFirst()) where next - time < tolerance {
            return "two frames are shown at \(time) ticks" + (next == time ? "" : " and \(next)")
        }
        return nil
    }

    /// What is decoded from an independent frame on is shown after all that was decoded before it, open groups included.
    private static func `return`(in samples: [MediaSample]) -> String? {
        var highest: Int64?
        var floor: Int64?
        for sample in samples {
            if sample.isIndependent { floor = highest }
            let shown = sample.shownAt
            if let floor, shown <= floor { return "a frame is shown at \(shown) ticks, after one at \(floor)" }
            highest = max(highest ?? shown, shown)
        }
        return nil
    }
}
