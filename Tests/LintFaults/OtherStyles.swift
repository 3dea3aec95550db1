import HLS

/// The same stream as other servers list it: no fault.
extension Fault {
    static let otherStyles: [Fault] = [
        // As in the published examples: a date here and there, deltas without a map, comments, attributes in another order.
        Fault("none-other-style", nil) {
            $0.text = { text, context in context.kind == .playlist ? sparse(text, first: context.sequence) : text }
        },
        // Parts are ranges of their segment (4.4.4.9).
        Fault("none-byte-ranges", nil) {
            $0.lines { line, context in context.kind == .playlist ? ranged(line, context) : line }
        },
    ]

    private static func sparse(_ text: String, first: Int64) -> String {
        var sequence = first
        var isBehindSkip = false
        var lines: [String] = []
        for line in text.split(separator: "\n") {
            if line.hasPrefix("#EXT-X-SKIP:"), let count = Int64(line.drop { !$0.isNumber }) {
                sequence += count
                isBehindSkip = true
            }
            // Every third segment is dated.
            if line.hasPrefix("#EXT-X-PROGRAM-DATE-TIME"), sequence % 3 != 0 { continue }
            if line.hasPrefix("#EXT-X-MAP"), isBehindSkip { continue }
            if !line.hasPrefix("#") { sequence += 1 }
            lines.append(String(line).replacing(",HOLD-BACK=6.00000", with: ""))
            if line == "#EXTM3U" { lines.append("#// Made by hand") }
        }
        return lines.joined(separator: "\n") + "\n\n"
    }

    private static func ranged(_ line: String, _ context: FaultContext) -> String {
        let isHint = line.hasPrefix("#EXT-X-PRELOAD-HINT:TYPE=PART")
        guard isHint || line.hasPrefix("#EXT-X-PART:"), let start = line.firstRange(of: "URI=\"")?.upperBound else {
            return line
        }
        let uri = line[start...].prefix { $0 != "\"" }
        let steps = uri.split(separator: "/").flatMap { $0.split(separator: ".") }
        guard steps.count == 4, let sequence = Int64(steps[1]), let index = Int(steps[2]) else { return line }
        let sizes = (0...index).map { context.sizes[MediaPosition(sequence: sequence, part: $0)] ?? 0 }
        let offset = sizes.dropLast().reduce(0, +)
        let place = isHint ? ",BYTERANGE-START=\(offset)" : ",BYTERANGE=\"\(sizes.last ?? 0)@\(offset)\""
        return line.replacing("URI=\"\(uri)\"", with: "URI=\"\(steps[0])/\(sequence).m4s\"\(place)")
    }
}
