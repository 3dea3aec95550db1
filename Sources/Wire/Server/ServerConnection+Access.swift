import AccessLog
import HTTP
import NIOCore

/// What is told of exchanges that are over.
extension ServerConnection {
    /// How an exchange ended that was under way when its connection did.
    var lossEnding: AccessEnding { isEndedHere ? .cut : .gone }

    /// An exchange is over. One that was answered in full is told once the socket has taken the answer.
    func conclude(
        _ trail: inout ExchangeTrail, _ ending: AccessEnding, at now: NIODeadline, _ version: HTTPVersion,
        _ request: @autoclosure () -> RequestHead?
    ) {
        trail.release(at: now)
        registry.counters.times.record(trail, until: now)
        guard registry.access.isLogging else { return }
        let entry = AccessEntry(
            startedAt: registry.access.unixMicroseconds(trail.startedAt), peer: peerText,
            peerPort: remoteAddress?.port ?? 0, request: request(), version: version, isSecure: isTLS,
            status: trail.status, bodyBytes: trail.bodyBytes, cache: trail.cache, held: trail.held.map { $0 / 1_000 },
            upstream: trail.upstream.map { $0 / 1_000 })
        guard ending == .whole else { return registry.access.write(entry, duration: now - trail.startedAt, ending) }
        let lines = unsettled ?? registry.access.takeLines()
        unsettled = lines
        registry.access.begin(entry, startedAt: trail.startedAt, into: lines)
    }

    private var peerText: [UInt8] {
        if let peer { return peer }
        let text = Array((remoteAddress?.ipAddress ?? "").utf8)
        peer = text
        return text
    }

    func settle(_ count: Int, _ ending: AccessEnding) {
        guard let lines = unsettled else { return }
        registry.access.settle(lines, count: count, ending, at: now)
        guard lines.isEmpty else { return }
        unsettled = nil
        registry.access.give(lines)
    }
}
