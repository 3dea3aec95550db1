import Media

/// Media that comes in bursts, again and again, is listed at the pace at which it was made.
///
/// Many encoders hold sound back until the next picture comes, and a still camera's picture comes seconds later; some
/// uplinks carry nothing for a second in every few. A playlist that stands still and then leaps starves every player that
/// stays near its end, however steady the media itself is. So once two bursts of like length have come, parts are listed as
/// late as the latest of them came: the playlist's end is as far behind the clock as it was at its worst before, and moves
/// evenly.
///
/// It knows no clock and lists nothing: give it a publisher's events and the time. All times are in microseconds.
struct ArrivalPace {
    private struct Burst {
        let at: Int64
        /// How long after its end on the publisher's line the latest of its parts came.
        var lateness: Int64
    }

    private struct Waiting {
        let event: PackagerEvent
        /// When it is listed; what begins something is with what follows.
        let due: Int64
    }

    /// Longer without a part is a pause, and what ends it a burst.
    private let leastPause: Int64
    private var bursts: [Burst] = []
    private var lastArrival: Int64?
    /// How long after its end a part is listed; zero where media comes evenly.
    private var depth: Int64 = 0
    /// Where each rendition's media ends on the publisher's line.
    private var videoEnd: Int64?
    private var audioEnd: Int64?
    private var waiting: [Waiting] = []

    /// Beyond a part target; what is shorter is jitter, which viewers' buffers carry.
    private static let jitter: Int64 = 250_000
    /// A burst is forgotten after this time.
    private static let memory: Int64 = 16_000_000
    /// Media that comes later than this is not waited for.
    private static let longest: Int64 = 8_000_000
    private static let mostBursts = 32
    private static let mostWaiting = 4_096

    init(part: Int64) { leastPause = part + Self.jitter }

    /// How long a publisher is silent between two bursts, if it goes on as it has begun.
    var patience: Int64 { min(Self.longest, bursts.reduce(0) { max($0, $1.lateness) } * 3 / 2) }

    /// Another publisher comes: nothing is known of how its media arrives. What waits is to be released before.
    mutating func reset() {
        bursts.removeAll()
        (depth, lastArrival, videoEnd, audioEnd) = (0, nil, nil, nil)
    }

    /// Takes what came at `now`, in order.
    mutating func take(_ events: [PackagerEvent], at now: Int64, into released: inout [PackagerEvent]) {
        noteBurst(events, at: now)
        let passes = depth == 0 && waiting.isEmpty
        for event in events {
            let end = note(event)
            guard !passes else {
                released.append(event)
                continue
            }
            var due = end.map { min($0 + depth, now + depth) }
            if case .segmentEnd(let kind, _, _) = event {
                // It came with its segment's last part, whose hint of another would not come true.
                due = waiting.last { if case .part = $0.event { $0.event.kind == kind } else { false } }?.due ?? now
            }
            waiting.append(Waiting(event: event, due: due ?? .max))
        }
        release(at: now, into: &released)
    }

    /// Releases what is due at `now`, and everything before it.
    mutating func release(at now: Int64, into released: inout [PackagerEvent]) {
        if let oldest = bursts.first, now - oldest.at > Self.memory {
            bursts.removeFirst()
            weighBursts()
        }
        guard !waiting.isEmpty else { return }
        guard depth > 0, waiting.count <= Self.mostWaiting else { return releaseAll(into: &released) }
        guard let last = waiting.lastIndex(where: { $0.due <= now }) else { return }
        releaseLeading(until: last + 1, into: &released)
    }

    mutating func releaseAll(into released: inout [PackagerEvent]) {
        releaseLeading(until: waiting.endIndex, into: &released)
    }

    private mutating func releaseLeading(until end: Int, into released: inout [PackagerEvent]) {
        released += waiting[..<end].lazy.map(\.event)
        waiting.removeFirst(end)
    }

    private mutating func noteBurst(_ events: [PackagerEvent], at now: Int64) {
        var (video, audio) = (videoEnd, audioEnd)
        var lateness: Int64?
        for event in events {
            guard let end = Self.end(of: event, video: &video, audio: &audio) else { continue }
            lateness = max(lateness ?? .min, now - end)
        }
        guard let lateness else { return }
        defer { lastArrival = now }
        guard (0...Self.longest).contains(lateness) else { return }
        if let lastArrival, now - lastArrival <= leastPause {
            // One track's parts may come some frames after the other's.
            guard let burst = bursts.last, now - burst.at <= leastPause, lateness > burst.lateness else { return }
            bursts[bursts.count - 1].lateness = lateness
            return weighBursts()
        }
        if bursts.count >= Self.mostBursts { bursts.removeFirst() }
        bursts.append(Burst(at: now, lateness: lateness))
        weighBursts()
    }

    /// One that no other comes near to is a stall, a publish that began late, or one that began with what it had stored.
    private mutating func weighBursts() {
        let latest = bursts.map(\.lateness).sorted(by: >)
        depth = zip(latest, latest.dropFirst()).first { $0 / 2 <= $1 }?.0 ?? 0
    }

    private mutating func note(_ event: PackagerEvent) -> Int64? {
        Self.end(of: event, video: &videoEnd, audio: &audioEnd)
    }

    /// Where the media of a part ends; nil for what is no part.
    private static func end(of event: PackagerEvent, video: inout Int64?, audio: inout Int64?) -> Int64? {
        switch event {
        case .segment(let start):
            if start.kind == .video {
                video = start.programDateTimeMicroseconds
            } else {
                audio = start.programDateTimeMicroseconds
            }
            return nil
        case .part(let part):
            let lasts = Int64((part.duration * 1e6).rounded())
            let end = (part.kind == .video ? video : audio).map { $0 &+ lasts }
            if part.kind == .video { video = end } else { audio = end }
            return end
        default: return nil
        }
    }
}
