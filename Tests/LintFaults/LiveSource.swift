import HLS
import Media
import NIOCore

/// A publish without a publisher: 20 pictures and 46.875 frames of sound a second, packaged as the origin does, and the
/// timelines that list them. What lies before `zero` is there at once.
package struct LiveSource {
    package struct Rendition {
        var timeline: LiveTimeline
        package fileprivate(set) var initSection = ByteBuffer()
        package fileprivate(set) var parts: [MediaPosition: ByteBuffer] = [:]

        /// A range of a segment, which may be open.
        func bytes(of name: String, in range: ClosedRange<Int64>) -> ByteBuffer? {
            guard let sequence = name.split(separator: "/").last.flatMap({ Int64($0.prefix { $0 != "." }) }) else {
                return nil
            }
            var whole = ByteBuffer()
            var index = 0
            while let part = parts[MediaPosition(sequence: sequence, part: index)] {
                whole.writeImmutableBuffer(part)
                index += 1
            }
            return whole.getSlice(at: Int(range.lowerBound), length: range.count)
        }

        /// A finished segment, listed or not any more.
        func segment(_ sequence: Int64) -> ByteBuffer? {
            if let listed = timeline.segment(sequence), !listed.isComplete { return nil }
            var bytes = ByteBuffer()
            var index = 0
            while let part = parts[MediaPosition(sequence: sequence, part: index)] {
                bytes.writeImmutableBuffer(part)
                index += 1
            }
            return index > 0 ? bytes : nil
        }
    }

    package private(set) var renditions: [String: Rendition] = [:]
    private var packager: PublishPackager
    private var beganAt: Int64
    private var pictures: Int64 = 0
    private var sounds: Int64 = 0

    static let configuration: PackagerConfiguration = {
        var configuration = PackagerConfiguration()
        configuration.partDuration = .milliseconds(500)
        configuration.segmentDuration = .seconds(1)
        configuration.maximumSegmentDuration = .milliseconds(1_600)
        return configuration
    }()

    static let timelineConfiguration = TimelineConfiguration(
        partTarget: configuration.partTarget, targetDuration: configuration.targetDurationSeconds,
        window: .seconds(19))

    /// - Parameter wall: now, in microseconds since 1970. Media begins `past` before it.
    package init(wall: Int64, past: Duration) {
        beganAt = wall - past.components.seconds * 1_000_000
        packager = PublishPackager(configuration: Self.configuration, firstSequence: 100)
        for name in ["video", "audio"] {
            renditions[name] = Rendition(
                timeline: LiveTimeline(
                    rendition: RenditionID(rawValue: name), configuration: Self.timelineConfiguration, epoch: "e",
                    firstSequence: 100, discontinuitySequence: 3))
        }
        var events: [PackagerEvent] = []
        packager.declare(hasVideo: true, hasAudio: true, frameRate: 20)
        packager.video(
            VideoPacket(codec: .h264, timestampMilliseconds: 0, payload: .configuration(ByteBuffer(bytes: Self.avcC))),
            at: beganAt, into: &events)
        packager.audio(
            AudioPacket(
                codec: .aac, timestampMilliseconds: 0, payload: .configuration(ByteBuffer(bytes: [0x11, 0x90]))),
            at: beganAt, into: &events)
        apply(events)
        advance(to: wall)
    }

    /// Makes all media up to a moment of the wall clock.
    mutating func advance(to wall: Int64) {
        var events: [PackagerEvent] = []
        while true {
            let picture = pictures * 50_000
            let sound = sounds * 1_024 * 1_000_000 / 48_000
            let next = min(picture, sound)
            guard beganAt + next <= wall else { break }
            let stamp = UInt32(truncatingIfNeeded: next / 1_000)
            if picture <= sound {
                packager.video(
                    VideoPacket(
                        codec: .h264, timestampMilliseconds: stamp,
                        payload: .frame(Self.picture(pictures))), at: beganAt + next, into: &events)
                pictures += 1
            } else {
                packager.audio(
                    AudioPacket(
                        codec: .aac, timestampMilliseconds: stamp,
                        payload: .frame(ByteBuffer(repeating: UInt8(truncatingIfNeeded: sounds), count: 80))),
                    at: beganAt + next, into: &events)
                sounds += 1
            }
        }
        apply(events)
    }

    mutating func end() {
        var events: [PackagerEvent] = []
        packager.finish(into: &events)
        apply(events)
        for name in renditions.keys { renditions[name]?.timeline.end() }
    }

    private mutating func apply(_ events: [PackagerEvent]) {
        for event in events {
            guard let kind = event.kind else { continue }
            let name = kind == .video ? "video" : "audio"
            switch event {
            case .track(let section):
                renditions[name]?.initSection = section.bytes
                renditions[name]?.timeline.initSection(number: section.number)
            case .segment(let start):
                renditions[name]?.timeline.startSegment(
                    sequence: start.sequence, programDateTimeMicroseconds: start.programDateTimeMicroseconds,
                    isDiscontinuity: start.isDiscontinuity, isIndependent: start.startsIndependent)
            case .part(let part):
                renditions[name]?.parts[MediaPosition(sequence: part.sequence, part: part.index)] = part.bytes
                renditions[name]?.timeline.appendPart(
                    duration: part.duration, isIndependent: part.isIndependent, byteCount: part.bytes.readableBytes,
                    isLikelyLast: part.isLikelyLast)
            case .segmentEnd(_, _, let duration): renditions[name]?.timeline.endSegment(duration: duration)
            default: break
            }
        }
    }

    /// One NAL unit with its length before it: an IDR slice every 20 pictures.
    private static func picture(_ number: Int64) -> ByteBuffer {
        var bytes = ByteBuffer()
        let size = number % 20 == 0 ? 3_000 : 600
        bytes.writeInteger(UInt32(size + 1))
        bytes.writeInteger(UInt8(number % 20 == 0 ? 0x65 : 0x41))
        bytes.writeRepeatingByte(UInt8(truncatingIfNeeded: number), count: size)
        return bytes
    }

    /// x264's, 320x180 at 20 pictures a second, in the colours of BT.709.
    private static let avcC: [UInt8] = [
        0x01, 0x64, 0x00, 0x0c, 0xff, 0xe1, 0x00, 0x1c, 0x67, 0x64, 0x00, 0x0c, 0xac, 0xd9, 0x41, 0x41, 0x9f, 0x9f,
        0x01, 0x6a, 0x02, 0x02, 0x02, 0x80, 0x00, 0x00, 0x03, 0x00, 0x80, 0x00, 0x00, 0x14, 0x07, 0x8a, 0x14, 0xcb,
        0x01, 0x00, 0x04, 0x68, 0xef, 0x8f, 0xcb, 0xfd, 0xf8, 0xf8, 0x00,
    ]
}
