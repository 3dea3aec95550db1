import Cache
import HLS
import HTTP
import NIOCore
import Relay

/// The truth of a simulation: a channel with one rendition, made by a real timeline, whose media says its own name.
struct LiveOrigin {
    private(set) var timeline: LiveTimeline
    private(set) var epoch = "e1"
    /// Every object that there ever was, by target.
    private(set) var media: [HTTPBytes: ByteBuffer] = [:]
    /// The text of every state, and the parts that it lists.
    private(set) var states: [UInt64: (text: ByteBuffer, listed: [HTTPBytes])] = [:]
    /// Everything in the order of its making.
    private(set) var history: [RelayObject] = []
    private(set) var revision: UInt64 = 0
    private var parts = 0
    private var nextSequence: Int64 = 100
    private static let configuration = TimelineConfiguration(
        partTarget: .milliseconds(200), targetDuration: 1, window: .seconds(3))
    private static let partsPerSegment = 3
    private static let directory = HTTPBytes("/live/demo/video/")

    init() {
        timeline = LiveTimeline(
            rendition: RenditionID(rawValue: "video"), configuration: Self.configuration, epoch: "e1",
            firstSequence: 100)
    }

    /// What comes to be with the next part: the init section with the first of a publish, the part, the new state.
    mutating func advance(at now: ContinuousClock.Instant) -> [RelayObject] {
        let known = history.count
        if parts == 0 { make(.initSection, "\(epoch)/init.mp4", at: now) }
        if parts % Self.partsPerSegment == 0 {
            timeline.startSegment(
                sequence: nextSequence, programDateTimeMicroseconds: Int64(parts) * 200_000, isDiscontinuity: false,
                isIndependent: true)
            nextSequence += 1
        }
        parts += 1
        if let position = timeline.appendPart(
            duration: 0.2, isIndependent: parts % Self.partsPerSegment == 1, byteCount: 100,
            isLikelyLast: parts % Self.partsPerSegment == 0)
        {
            make(
                .part(epoch: epoch, position), "\(epoch)/\(position.sequence).\(position.part).m4s", at: now)
        }
        if parts % Self.partsPerSegment == 0 {
            timeline.endSegment(duration: 0.2 * Double(Self.partsPerSegment))
        }
        makeState(at: now)
        return Array(history[known...])
    }

    /// The publisher leaves, and another comes at once: its epoch is new, its numbers go on. Where the origin dies itself
    /// it says no last word.
    mutating func restart(saysEnd: Bool, at now: ContinuousClock.Instant) -> [RelayObject] {
        let known = history.count
        if saysEnd {
            timeline.end()
            makeState(at: now)
        }
        epoch = "e\(nextSequence)"
        parts = 0
        nextSequence += saysEnd ? 0 : 1
        timeline = LiveTimeline(
            rendition: timeline.rendition, configuration: Self.configuration, epoch: epoch,
            firstSequence: nextSequence)
        return Array(history[known...])
    }

    /// What whoever comes anew needs before what comes next.
    var current: [RelayObject] {
        history.filter { object in
            switch object.kind {
            case .initSection: object.target.starts(with: Self.directory + Array("\(epoch)/".utf8))
            case .part(epoch, let position): position.sequence >= timeline.mediaSequence
            case .state(revision, _): true
            case .part, .state, .multivariant: false
            }
        }
    }

    /// Whether a part has left the playlist.
    func hasLeft(_ object: RelayObject) -> Bool {
        guard case .part(_, let position) = object.kind else { return false }
        return position.sequence < timeline.mediaSequence
    }

    private mutating func makeState(at now: ContinuousClock.Instant) {
        guard let position = timeline.position else { return }
        revision += 1
        var text = ByteBuffer()
        timeline.write(delta: nil, reports: [], into: &text)
        let listed = timeline.segments.filter { $0.sequence >= timeline.partsListedFrom }.flatMap { segment in
            segment.parts.indices.map { HTTPBytes("\(Self.directory.text)\(epoch)/\(segment.sequence).\($0).m4s") }
        }
        states[revision] = (text, listed)
        for isGzipped in [true, false] {
            let form = PlaylistForm(skip: nil, isGzipped: isGzipped)
            let target = RelayObject.stateTarget(channel: "demo", rendition: "video", position: position, form: form)
            history.append(made(.state(revision: revision, form), target, text, at: now))
        }
    }

    private mutating func make(_ kind: RelayObject.Kind, _ name: String, at now: ContinuousClock.Instant) {
        let target = Self.directory + Array(name.utf8)
        let bytes = ByteBuffer(string: String(repeating: name + ";", count: 20))
        media[target] = bytes
        history.append(made(kind, target, bytes, at: now))
    }

    private func made(
        _ kind: RelayObject.Kind, _ target: HTTPBytes, _ bytes: ByteBuffer, at now: ContinuousClock.Instant
    ) -> RelayObject {
        var head = ResponseHead(status: 200)
        head.fields.append("x-target", target)
        return RelayObject(
            kind, rendition: "video", target: target, head: head, body: SharedBody(whole: [bytes]), at: now)
    }
}
