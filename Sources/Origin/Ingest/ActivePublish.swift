import Logging
import Media
import NIOCore
import Node
import RTMP

/// What a publish becomes once it is granted: RTMP tags in, packaged media out to the data plane.
final class ActivePublish {
    private let grant: PublishGrant
    private let desk: PublishDesk
    private let logger: Logger
    private var packager: PublishPackager
    private var events: [PackagerEvent] = []
    private var isRefused = false

    init(grant: PublishGrant, desk: PublishDesk, logger: Logger) {
        self.grant = grant
        self.desk = desk
        self.logger = logger
        packager = PublishPackager(
            configuration: grant.packaging, firstSequence: grant.firstSequence, continuing: grant.continuation,
            beganAt: grant.beganAt)
    }

    func declare(_ metadata: StreamMetadata) {
        packager.declare(
            hasVideo: metadata.hasVideo, hasAudio: metadata.hasAudio, frameRate: metadata.frameRate)
    }

    func video(_ tag: VideoTag) {
        guard let packet = VideoPacket(tag) else { return }
        packager.video(packet, at: WallClock.now(), into: &events)
    }

    func audio(_ tag: AudioTag) {
        guard let packet = AudioPacket(tag) else { return }
        packager.audio(packet, at: WallClock.now(), into: &events)
    }

    func tick() {
        packager.tick(at: WallClock.now(), into: &events)
        flush()
    }

    /// Sends what is ready across to the data plane, once per read burst.
    func flush() {
        guard !events.isEmpty else { return }
        for event in events {
            switch event {
            case .warning(let warning):
                logger.warning("publisher's media", metadata: ["reason": "\(warning)"])
            case .refused(let reason):
                isRefused = true
                logger.error("publisher's media refused", metadata: ["reason": "\(reason)"])
            default: break
            }
        }
        desk.deliver(events, of: grant)
        events.removeAll(keepingCapacity: true)
    }

    func finish(_ end: PublishEnd, reason: String) {
        let begun = events.count
        packager.finish(into: &events)
        // The segment under way stays open: gaps go on in it, as its hint has told, or the playlist's end ends it.
        let last = events[begun...].filter { if case .segmentEnd = $0 { false } else { true } }
        events.replaceSubrange(begun..., with: last)
        flush()
        logger.info("publish ended", metadata: ["reason": "\(reason)"])
        desk.release(grant, end: isRefused ? .refused : end)
    }
}
