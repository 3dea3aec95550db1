/// Lines over seconds, as inline SVG, with the faults as bands behind them.
struct LinePlot {
    struct Line {
        var name: String
        var color: String
        var values: [Double?]
    }

    static let colors = ["#2563eb", "#d97706", "#dc2626", "#059669", "#7c3aed", "#0891b2", "#be185d", "#65a30d"]

    var title: String
    var unit: String
    var lines: [Line]
    var faults: [RunReport.FaultMark] = []

    private static let width = 860.0
    private static let height = 220.0
    private static let left = 56.0
    private static let bottom = 26.0
    private static let top = 10.0

    var svg: String {
        let count = lines.map(\.values.count).max() ?? 0
        let highest = lines.flatMap(\.values).compactMap { $0 }.max() ?? 0
        guard count > 0 else { return "" }
        let (step, limit) = Self.scale(highest)
        func x(_ second: Double) -> Double {
            Self.left + second / Double(max(1, count)) * (Self.width - Self.left - 8)
        }
        func y(_ value: Double) -> Double {
            Self.height - Self.bottom - value / limit * (Self.height - Self.bottom - Self.top)
        }
        var svg = "<figure><figcaption>\(Markup.escape(title))"
        if !unit.isEmpty { svg += "<span class=legend>\(Markup.escape(unit))</span>" }
        svg += "<span class=legend>"
        for line in lines {
            svg += "<i style=\"background:\(line.color)\"></i>\(Markup.escape(line.name)) "
        }
        svg += "</span></figcaption>\n<svg viewBox=\"0 0 \(Int(Self.width)) \(Int(Self.height))\" role=img>\n"
        for fault in faults {
            let from = x(max(0, fault.from))
            let to = x(min(Double(count), fault.until))
            guard to > from else { continue }
            svg += "<rect class=fault x=\(q(from)) y=\(q(Self.top)) width=\(q(to - from)) "
            svg +=
                "height=\(q(Self.height - Self.bottom - Self.top))><title>\(Markup.escape(fault.name))</title></rect>"
            svg += "<text class=mark x=\(q(from + 3)) y=\(q(Self.top + 11))>\(Markup.escape(fault.name))</text>\n"
        }
        var value = 0.0
        while value <= limit * 1.001 {
            svg +=
                "<line class=grid x1=\(q(Self.left)) x2=\(q(Self.width - 8)) y1=\(q(y(value))) y2=\(q(y(value)))></line>"
            svg +=
                "<text class=axis x=\(q(Self.left - 6)) y=\(q(y(value) + 4)) text-anchor=end>\(Markup.number(value))</text>\n"
            value += step
        }
        let every = max(1, Int(Self.scale(Double(count) * 0.6).step))
        for second in stride(from: 0, through: count, by: every) {
            let label = second + every > count ? "\(second) s" : "\(second)"
            svg +=
                "<text class=axis x=\(q(x(Double(second)))) y=\(q(Self.height - 8)) text-anchor=middle>\(label)</text>"
        }
        for line in lines {
            // Seconds without a value break the line: a hole is not a zero.
            var path = ""
            var isDrawing = false
            for (second, value) in line.values.enumerated() {
                guard let value else {
                    isDrawing = false
                    continue
                }
                let at = x(Double(second) + 0.5)
                path += "\(isDrawing ? "L" : "M")\(Markup.place(at)) \(Markup.place(y(value)))"
                if !isDrawing { path += "h0.1" }
                isDrawing = true
            }
            svg += "<path d=\"\(path)\" stroke=\"\(line.color)\"><title>\(Markup.escape(line.name))</title></path>\n"
        }
        return svg + "</svg></figure>\n"
    }

    private func q(_ value: Double) -> String { "\"\(Markup.place(value))\"" }

    /// Steps of 1, 2 or 5 that reach `highest` in about five.
    static func scale(_ highest: Double) -> (step: Double, limit: Double) {
        guard highest > 0, highest.isFinite else { return (1, 1) }
        var power = 1e-6
        while power * 10 <= highest / 5 { power *= 10 }
        let step = [1.0, 2, 5, 10].map { $0 * power }.first { $0 * 5 >= highest } ?? power * 10
        return (step, (highest / step).rounded(.up) * step)
    }
}

/// How often each duration came, as inline SVG.
struct BarPlot {
    var title: String
    var distribution: RunReport.Distribution

    var svg: String {
        let bins = distribution.bins
        let highest = Double(bins.map(\.count).max() ?? 0)
        guard highest > 0, let last = bins.last, let first = bins.first, bins.count > 1 else { return "" }
        let width = 420.0
        let height = 170.0
        let step = (width - 16) / Double(bins.count)
        let binWidth = bins[1].upTo - first.upTo
        let low = first.upTo - binWidth
        var svg = "<figure class=half><figcaption>\(Markup.escape(title))</figcaption>"
        svg += "<svg viewBox=\"0 0 \(Int(width)) \(Int(height))\" role=img>\n"
        for (index, bin) in bins.enumerated() where bin.count > 0 {
            // A bin of one among thousands is still there: the tail is what one looks for.
            let tall = max(1.5, Double(bin.count) / highest * (height - 40))
            svg +=
                "<rect class=bar x=\"\(Markup.place(8 + Double(index) * step))\" y=\"\(Markup.place(height - 24 - tall))\" "
            svg += "width=\"\(Markup.place(max(1, step - 0.8)))\" height=\"\(Markup.place(tall))\">"
            svg += "<title>up to \(Markup.number(bin.upTo)) ms: \(bin.count)</title></rect>\n"
        }
        for (name, value) in [("p50", distribution.p50), ("p95", distribution.p95), ("p99", distribution.p99)] {
            let at = 8 + (value - low) / max(1e-9, last.upTo - low) * (width - 16)
            let up = name == "p95" ? 22.0 : 10.0
            svg +=
                "<line class=quantile x1=\"\(Markup.place(at))\" x2=\"\(Markup.place(at))\" y1=\"\(up)\" y2=\"\(height - 24)\"></line>"
            svg += "<text class=mark x=\"\(Markup.place(min(at + 3, width - 24)))\" y=\"\(up + 4)\">\(name)</text>\n"
        }
        svg += "<text class=axis x=8 y=\(Int(height) - 8)>\(Markup.number(low)) ms</text>"
        svg +=
            "<text class=axis x=\(Int(width) - 8) y=\(Int(height) - 8) text-anchor=end>\(Markup.number(last.upTo)) ms</text>"
        return svg + "</svg></figure>\n"
    }
}
