/// What is known of each part of the streams under test, whichever viewer learnt it: its stamps, its bytes, and when it
/// was published. One viewer reads a part's bytes; the others count them and are measured by what was read.
package struct StreamBook: Sendable {
    package struct Part: Sendable, Equatable {
        /// Microseconds since 1970; nil until the bytes were read, or when they hold no stamps.
        package var first: FrameStamp?
        package var last: FrameStamp?
        /// When it was whole at a client of the origin that waited for it.
        package var publishedAt: Int64?
        package var byteCount: Int?
        package var digest: [UInt8]?
        /// Whose bytes the digest is of.
        package var readFrom: String?
        var isClaimed = false
        /// Decode times, in the track's timescale.
        var times: FragmentTimes?
    }

    private var parts: [String: Part] = [:]
    private var order: [String] = []
    private var oldest = 0
    private let limit: Int

    /// `limit` parts are remembered.
    package init(limit: Int = 50_000) { self.limit = limit }

    package subscript(path: String) -> Part? { parts[path] }

    /// True for the one who shall read this part's bytes.
    package mutating func claim(_ path: String) -> Bool {
        if let known = parts[path], known.isClaimed { return false }
        change(path) { $0.isClaimed = true }
        return true
    }

    /// Somebody claimed it and did not get it.
    package mutating func release(_ path: String) {
        guard parts[path]?.digest == nil else { return }
        change(path) { $0.isClaimed = false }
    }

    package mutating func published(_ path: String, at now: Int64) {
        change(path) { if $0.publishedAt == nil { $0.publishedAt = now } }
    }

    /// The bytes of a part, as a server gave them. Returns what they break.
    package mutating func read(
        _ path: String, byteCount: Int, digest: [UInt8], stamps: [FrameStamp], times: FragmentTimes?,
        from server: String
    ) -> Violation? {
        if let known = parts[path], let before = known.digest {
            guard before != digest else { return nil }
            return Violation(
                rule: .content,
                evidence: "\(path): \(byteCount) bytes from \(server) differ from \(known.byteCount ?? 0) bytes from "
                    + "\(known.readFrom ?? "another")")
        }
        change(path) { part in
            part.isClaimed = true
            part.byteCount = byteCount
            part.digest = digest
            part.readFrom = server
            part.first = stamps.first
            part.last = stamps.max { $0.capturedAt < $1.capturedAt }
            part.times = times
        }
        return nil
    }

    /// What a viewer only counted. Nil when that is what the others got.
    package func counted(_ path: String, byteCount: Int, from server: String) -> Violation? {
        guard let known = parts[path], let before = known.byteCount, before != byteCount else { return nil }
        return Violation(
            rule: .content,
            evidence: "\(path): \(byteCount) bytes from \(server), \(before) from \(known.readFrom ?? "another")")
    }

    /// Whether a part's decode times follow on those of the part before it in its playlist. What was not read says nothing.
    package func continuity(of path: String, after before: String) -> Violation? {
        guard let one = parts[before]?.times, let next = parts[path]?.times, next.start != one.end else { return nil }
        // The last frame's duration is nominal: the next part tells the truth, which is less than a hundredth away.
        let distance = next.start > one.end ? next.start - one.end : one.end - next.start
        guard distance > max(2, (one.end &- one.start) / 50) else { return nil }
        return Violation(
            rule: .continuity,
            evidence: "\(path) begins at \(next.start), \(before) ends at \(one.end) (timescale units)")
    }

    private mutating func change(_ path: String, _ change: (inout Part) -> Void) {
        if parts[path] == nil {
            order.append(path)
            if order.count - oldest > limit {
                parts[order[oldest]] = nil
                oldest += 1
                if oldest > limit {
                    order.removeFirst(oldest)
                    oldest = 0
                }
            }
        }
        change(&parts[path, default: Part()])
    }
}
