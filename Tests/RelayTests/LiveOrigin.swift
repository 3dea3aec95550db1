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
    private(set) var media: [HTTPBytes: String] = [:]
    private var revision: UInt64 = 0
    private var parts = 0
    private var nextSequence: Int64 = 100
    private static let configuration = TimelineConfiguration(
        partTarget: .milliseconds(200), targetDuration: 1, window: .seconds(6))
    static let partsPerSegment = 5

    init() {
        timeline = LiveTimeline(
            rendition: RenditionID(rawValue: "video"), configuration: Self.configuration, epoch: "e1",
            firstSequence: 100)
    }

    /// What comes to be with the next part: the init section with the first of a publish, the part, the new state.
    mutating func advance(at now: ContinuousClock.Instant) -> [RelayObject] {
        var made: [RelayObject] = []
        if media[directory + Array("\(epoch)/init.mp4".utf8)] == nil {
            made.append(object(.initSection, "\(epoch)/init.mp4", at: now))
        }
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
            made.append(
                object(
                    .part(epoch: epoch, position), "\(epoch)/\(position.sequence).\(position.part).m4s", at: now))
        }
        if parts % Self.partsPerSegment == 0 { timeline.endSegment(duration: 1) }
        return made + states(at: now)
    }

    /// The publisher leaves, and another comes at once.
    mutating func restart(at now: ContinuousClock.Instant) -> [RelayObject] {
        timeline.end()
        let last = states(at: now)
        epoch = "e\(nextSequence)"
        parts = 0
        nextSequence += 1
        timeline = LiveTimeline(
            rendition: timeline.rendition, configuration: Self.configuration, epoch: epoch,
            firstSequence: nextSequence)
        return last
    }

    private var directory: HTTPBytes { HTTPBytes("/live/demo/video/") }

    private mutating func states(at now: ContinuousClock.Instant) -> [RelayObject] {
        guard let position = timeline.position else { return [] }
        revision += 1
        return [true, false].map { isGzipped in
            let form = PlaylistForm(skip: nil, isGzipped: isGzipped)
            var text = ByteBuffer()
            timeline.write(delta: nil, reports: [], into: &text)
            return made(
                .state(revision: revision, form),
                RelayObject.stateTarget(channel: "demo", rendition: "video", position: position, form: form), text,
                at: now)
        }
    }

    private mutating func object(
        _ kind: RelayObject.Kind, _ name: String, at now: ContinuousClock.Instant
    ) -> RelayObject {
        let target = directory + Array(name.utf8)
        media[target] = Self.bytes(of: name)
        return made(kind, target, ByteBuffer(string: Self.bytes(of: name)), at: now)
    }

    private func made(
        _ kind: RelayObject.Kind, _ target: HTTPBytes, _ bytes: ByteBuffer, at now: ContinuousClock.Instant
    ) -> RelayObject {
        var head = ResponseHead(status: 200)
        head.fields.append("x-target", target)
        return RelayObject(
            kind, rendition: "video", target: target, head: head, body: SharedBody(whole: [bytes]), at: now)
    }

    private static func bytes(of name: String) -> String { String(repeating: name + ";", count: 20) }
}
