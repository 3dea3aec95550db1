import HLS
import Logging
import Media
import NIOCore
import NIOEmbedded
import Testing

@testable import Origin

/// A presentation and its publishers on a clock of the test's own. After everything that is listed, each playlist is read
/// back and held against the rules, by itself, with the one before and with the other rendition's.
final class Stage {
    private(set) var now: Int64 = 1_795_000_000_000_000
    private(set) var presentation: Presentation
    private let settings: ChannelSettings
    private var encoder: StagedEncoder?
    private var packager: PublishPackager?
    private var stall: StagedEncoder.Stall?
    private var last: [MediaKind: MediaPlaylist] = [:]
    private var changedAt: [MediaKind: Int64] = [:]
    private var decodeEnd: [MediaKind: UInt64] = [:]
    private var fragments: [MediaKind: UInt32] = [:]
    private var seen: [MediaKind: MediaPosition] = [:]
    /// The segment that comes next where a playlist was seen whole and without word of a discontinuity.
    private var unannounced: [MediaKind: Int64] = [:]
    private var publishedAt: Int64?
    /// How long after each publish its first part was listed, in microseconds.
    private(set) var firstParts: [Int64] = []
    private(set) var failures: [String] = []
    /// Each state of each playlist by its last part, reports left out, and each part by its name.
    private(set) var states: [String: String] = [:]
    private(set) var media: [String: ByteBuffer] = [:]
    /// Longest time without a new part, in microseconds.
    private(set) var longestSilence: Int64 = 0

    func forgetSilence() { longestSilence = 0 }

    /// Frames that came, and frames that can be fetched.
    private(set) var arrived: [MediaKind: Int] = [:]
    private(set) var listed: [MediaKind: Int] = [:]
    /// What stalls have cost.
    private(set) var stalls: [StallReport] = []

    /// What the media directory holds.
    let disk = StagedDisk()

    init(settings: ChannelSettings = .staged, firstSequence: Int64 = 100) {
        self.settings = settings
        presentation = Self.presentation(settings, "e1", firstSequence, discontinuities: 3, disk)
    }

    private static func presentation(
        _ settings: ChannelSettings, _ epoch: String, _ firstSequence: Int64, discontinuities: Int64, _ disk: StagedDisk
    ) -> Presentation {
        Presentation(
            settings: settings, epoch: epoch, firstSequence: firstSequence, discontinuitySequence: discontinuities,
            index: ParkingIndex(limits: .init(), eventLoop: disk.loop), push: nil,
            log: disk.log("demo/\(epoch)"), logger: Logger(label: "stage") { _ in SwiftLogNoOpLogHandler() })
    }

    func encoder(_ change: (inout StagedEncoder) -> Void = { _ in }) -> StagedEncoder {
        var encoder = StagedEncoder(at: now, seed: UInt64(now & 0xffff))
        change(&encoder)
        return encoder
    }

    /// `beganAt` is what twin origins agree on.
    func publish(_ encoder: StagedEncoder, beganAt: Int64? = nil) {
        let continuation = presentation.hasMedia ? presentation.resume() : nil
        self.encoder = encoder
        packager = PublishPackager(
            configuration: settings.packaging, firstSequence: presentation.nextSequence, continuing: continuation,
            beganAt: beganAt)
        packager?.declare(hasVideo: encoder.hasVideo, hasAudio: encoder.hasAudio, frameRate: nil)
        publishedAt = now
    }

    /// The connection breaks.
    func lose() {
        var events: [PackagerEvent] = []
        packager?.finish(into: &events)
        presentation.apply(events.filter { if case .segmentEnd = $0 { false } else { true } }, at: now)
        presentation.publisherIsGone(at: now)
        packager = nil
        encoder = nil
        check()
    }

    /// Another origin process goes on with the media that this one left, and lists what this one listed.
    ///
    /// - Parameter torn: so many bytes of the last journal were not written any more.
    func restartWithMedia(after seconds: Double, torn: Int = 0) throws {
        (packager, encoder) = (nil, nil)
        disk.stop(torn: torn)
        now += Int64(seconds * 1e6)
        let recovered = try #require(disk.recovered("demo/e1"))
        presentation = Self.presentation(
            settings, "e1", recovered.firstSequence, discontinuities: recovered.discontinuities, disk)
        presentation.restore(recovered, at: now, file: disk.file)
        if torn > 0 { last.removeAll() }
        unannounced.removeAll()
        changedAt.removeAll()
        check()
    }

    /// Another origin process goes on with the state that this one left on the disk, without its media.
    func restart(after seconds: Double) throws {
        (packager, encoder) = (nil, nil)
        let written = ChannelState(
            channel: "demo", nextSequence: presentation.nextSequence + 40,
            discontinuities: presentation.discontinuities + 8, writtenAt: now, live: presentation.durable)
        let state = try ChannelState(written.encoded, channel: "demo", path: "state")
        now += Int64(seconds * 1e6)
        let live = try #require(state.live)
        disk.forget()
        presentation = Self.presentation(
            settings, live.epoch, state.nextSequence, discontinuities: state.discontinuities, disk)
        presentation.restore(live, at: now)
        last.removeAll()
        unannounced.removeAll()
        changedAt.removeAll()
        check()
    }

    /// Another publisher comes; what the first one still had is lost with it.
    func takeOver(_ encoder: StagedEncoder) {
        packager = nil
        presentation.publisherIsGone(at: now)
        publish(encoder)
    }

    func run(seconds: Double, stall: StagedEncoder.Stall? = nil) {
        run(seconds: seconds, stall: stall) { $0 }
    }

    /// What was held back for `seconds` comes `speed` times as fast as it was made, until the line has caught up.
    func drain(seconds: Double, speed: Double) {
        let (begin, backlog) = (now, Int64(seconds * 1e6))
        run(seconds: seconds / (speed - 1), stall: nil) { now in
            begin - backlog + Int64(Double(now - begin) * speed)
        }
    }

    /// - Parameter made: when what comes at a moment was made.
    private func run(seconds: Double, stall: StagedEncoder.Stall?, made: (Int64) -> Int64) {
        let end = now + Int64(seconds * 1e6)
        while now < end {
            now += 10_000
            if now % 40_000 == 0 { presentation.keepAlive(at: now) }
            var events: [PackagerEvent] = []
            for packet in encoder?.packets(until: made(now), stall: stall) ?? [] {
                switch packet {
                case .video(let packet):
                    if case .frame = packet.payload { arrived[.video, default: 0] += 1 }
                    packager?.video(packet, at: now, into: &events)
                case .audio(let packet):
                    if case .frame = packet.payload { arrived[.audio, default: 0] += 1 }
                    packager?.audio(packet, at: now, into: &events)
                }
            }
            packager?.tick(at: now, into: &events)
            if !events.isEmpty { presentation.apply(events, at: now) }
            check()
        }
    }

    func end() {
        presentation.end()
        check()
    }

    // MARK: Looking

    func playlist(_ kind: MediaKind) -> MediaPlaylist? { last[kind] }

    private func fail(_ kind: MediaKind, _ text: String) {
        failures.append("\((now - 1_795_000_000_000_000) / 1_000) ms \(kind): \(text)")
    }

    private func check() {
        stalls += presentation.takeStalls()
        for rendition in presentation.renditions where rendition.hasMedia {
            let kind = rendition.kind
            checkAnnouncement(rendition.timeline, kind)
            var text = ByteBuffer()
            let position = rendition.timeline.position
            let changed = seen[kind] != position || rendition.timeline.hasEnded != (last[kind]?.hasEnded ?? false)
            longestSilence = max(longestSilence, now - (changedAt[kind] ?? now))
            guard changed else { continue }
            changedAt[kind] = now
            rendition.timeline.write(delta: nil, reports: presentation.reports(for: rendition), into: &text)
            guard let playlist = try? MediaPlaylist(parsing: text.readableBytesView) else {
                fail(kind, "unreadable")
                continue
            }
            var own = ByteBuffer()
            rendition.timeline.write(delta: nil, reports: [], into: &own)
            let isClosed = rendition.timeline.segments.last?.isComplete == true
            states["\(kind) \(position?.sequence ?? 0).\(position?.part ?? 0) \(isClosed)"] = String(buffer: own)
            var results = PlaylistRules.check(playlist)
            if let before = last[kind] { results += PlaylistRules.check(from: before, to: playlist) }
            for result in results where !result.isKept {
                // A segment may end before a hinted part: its request is answered 404 then (6.2.6).
                if result.rule == .hintedPartPublished,
                    result.findings.allSatisfy({
                        $0.hasSuffix(".0.m4s came.") || $0.hasSuffix(".0.m4s is hinted now.")
                    })
                {
                    continue
                }
                fail(kind, "\(result.rule): \(result.findings)")
            }
            checkDates(playlist, kind)
            checkMedia(rendition, since: seen[kind])
            last[kind] = playlist
            seen[kind] = position
        }
    }

    /// Once a playlist hints at a segment's first part, it has told whether a discontinuity comes before it.
    private func checkAnnouncement(_ timeline: LiveTimeline, _ kind: MediaKind) {
        if let next = unannounced[kind], let segment = timeline.segments.first(where: { $0.sequence == next }),
            segment.isListed, segment.isDiscontinuity
        {
            fail(kind, "the discontinuity of segment \(next) was not announced")
        }
        let listed = timeline.segments.last { $0.isListed }
        unannounced[kind] =
            listed?.isComplete == true && !timeline.announcesDiscontinuity ? listed.map { $0.sequence + 1 } : nil
    }

    /// A date is the one before and what lies between (4.4.4.6), but for what parts and frames are rounded by.
    private func checkDates(_ playlist: MediaPlaylist, _ kind: MediaKind) {
        for (before, after) in zip(playlist.segments, playlist.segments.dropFirst()) {
            guard let first = before.programDateTime, let second = after.programDateTime else { continue }
            let duration = Int64((before.mediaDuration.inSeconds * 1e6).rounded())
            let slip = second - first - duration
            if abs(slip) > 25_000 { fail(kind, "segment \(after.sequence) is dated \(slip) µs off") }
        }
        guard let last = playlist.segments.last, let date = last.programDateTime else { return }
        let ahead = date + Int64(last.mediaDuration.inSeconds * 1e6) - now
        if ahead > 150_000 { fail(kind, "dated \(ahead) µs in the future") }
    }

    /// Decode times and fragment numbers rise through every part that can be fetched.
    private func checkMedia(_ rendition: LiveRendition, since seen: MediaPosition?) {
        let kind = rendition.kind
        for segment in rendition.timeline.segments where segment.sequence >= seen?.sequence ?? 0 {
            for index in segment.parts.indices {
                let position = MediaPosition(sequence: segment.sequence, part: index)
                if let seen, position <= seen { continue }
                guard let part = rendition.recentPart(position) else {
                    if !segment.parts[index].isGap { fail(kind, "part \(segment.sequence).\(index) has no bytes") }
                    continue
                }
                if segment.parts[index].isGap { fail(kind, "a gap has bytes") }
                let name = "\(kind) \(segment.sequence).\(index)"
                if let before = media[name], before != part { fail(kind, "other bytes as \(name)") }
                // The count of samples in its trun.
                if media[name] == nil { listed[kind, default: 0] += Int(part.getInteger(at: 80, as: UInt32.self) ?? 0) }
                media[name] = part
                // moof, mfhd, traf, tfhd and tfdt as our muxer writes them.
                let number = part.getInteger(at: 20, as: UInt32.self) ?? 0
                let decode = part.getInteger(at: 60, as: UInt64.self) ?? 0
                if number <= fragments[kind] ?? 0 { fail(kind, "fragment \(number) after \(fragments[kind] ?? 0)") }
                if let end = decodeEnd[kind], decode < end {
                    fail(kind, "decode time \(decode) after \(end) in \(segment.sequence).\(index)")
                }
                fragments[kind] = number
                decodeEnd[kind] = decode + 1
                if let publishedAt, kind == .video || presentation.renditions.count == 1 {
                    firstParts.append(now - publishedAt)
                    self.publishedAt = nil
                }
            }
        }
    }
}

extension ChannelSettings {
    static let staged = ChannelSettings(
        name: "demo", keys: ["demo"], policy: .takeover, packaging: PackagerConfiguration(), window: .seconds(30),
        parkedRequests: 100, reconnectWindow: .seconds(60), waitsAfterEnd: false)

    /// Parts of 200 ms in segments of a second.
    static let stagedShort = {
        var packaging = PackagerConfiguration()
        packaging.partDuration = .milliseconds(200)
        packaging.segmentDuration = .seconds(1)
        packaging.maximumSegmentDuration = .seconds(2)
        return ChannelSettings(
            name: "demo", keys: ["demo"], policy: .takeover, packaging: packaging, window: .seconds(30),
            parkedRequests: 100)
    }()
}

extension MediaPlaylist {
    var discontinuities: Int { segments.count(where: \.isDiscontinuity) }
    var gaps: Int { segments.reduce(0) { $0 + $1.parts.count(where: \.isGap) } }
}
