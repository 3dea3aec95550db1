import HLS
import HTTP
import Logging
import Media
import NIOCore
import Node
import Wire

/// What viewers see of one publish: its renditions under one epoch, and the multivariant playlist over them.
final class Presentation {
    private let settings: ChannelSettings
    private let logger: Logger
    let epoch: String
    private let timelineConfiguration: TimelineConfiguration
    private let firstSequence: Int64
    private let discontinuitySequence: Int64
    private(set) var renditions: [LiveRendition] = []
    private let startedAt = NIODeadline.now()
    private(set) var endedAt: NIODeadline?
    private(set) var firstPlayable: Duration?
    private let index: ParkingIndex

    init(
        settings: ChannelSettings, epoch: String, firstSequence: Int64, discontinuitySequence: Int64,
        index: ParkingIndex,
        logger: Logger
    ) {
        self.settings = settings
        self.epoch = epoch
        self.firstSequence = firstSequence
        self.discontinuitySequence = discontinuitySequence
        self.logger = logger
        self.index = index
        timelineConfiguration = TimelineConfiguration(
            partTarget: settings.packaging.partTarget,
            targetDuration: settings.packaging.targetDurationSeconds, window: settings.window)
    }

    var targetDuration: Int { timelineConfiguration.targetDuration }
    var holdLimit: Duration { .seconds(min(3 * targetDuration, 10)) }
    var nextSequence: Int64 { renditions.map(\.nextSequence).max() ?? firstSequence }
    var parkedCount: Int { renditions.reduce(0) { $0 + $1.parkedCount } }
    var storedBytes: Int { renditions.reduce(0) { $0 + $1.storedBytes } }

    /// Segments stay fetchable for the playlist's duration after the end (RFC 8216bis, 6.2.2).
    var isExpired: Bool {
        guard let endedAt else { return false }
        return NIODeadline.now() - endedAt > TimeAmount(settings.window + .seconds(targetDuration))
    }

    /// True when every rendition has something to play.
    var isPlayable: Bool { !renditions.isEmpty && renditions.allSatisfy(\.hasMedia) }

    // MARK: Media in

    func apply(_ events: [PackagerEvent]) {
        var touched: Set<RenditionID> = []
        for event in events {
            if case .track(let section) = event, rendition(of: section.kind) == nil { addRendition(section.kind) }
            guard let kind = event.kind, let rendition = rendition(of: kind) else { continue }
            rendition.apply(event)
            touched.insert(rendition.id)
        }
        guard !touched.isEmpty else { return }
        if firstPlayable == nil && isPlayable {
            let taken = Duration.nanoseconds((NIODeadline.now() - startedAt).nanoseconds)
            firstPlayable = taken
            logger.info("playable", metadata: ["after": "\(taken)"])
        }
        changed(touched)
    }

    private func addRendition(_ kind: MediaKind) {
        let id = RenditionID(rawValue: kind == .video ? "video" : "audio")
        let timeline = LiveTimeline(
            rendition: id, configuration: timelineConfiguration, epoch: epoch, firstSequence: firstSequence,
            discontinuitySequence: discontinuitySequence)
        renditions.append(LiveRendition(kind: kind, timeline: timeline, firstSequence: firstSequence, index: index))
        renditions.sort { $0.kind == .video && $1.kind == .audio }
    }

    func end() {
        guard endedAt == nil else { return }
        endedAt = .now()
        for rendition in renditions { rendition.end() }
        changed(Set(renditions.map(\.id)))
    }

    /// A newer presentation takes the channel's name: what still waits here is answered and sent there.
    func close() {
        end()
        for rendition in renditions {
            for request in rendition.releaseAll() { answer(request, on: rendition) }
        }
    }

    // MARK: Look-up

    func rendition(of kind: MediaKind) -> LiveRendition? { renditions.first { $0.kind == kind } }
    func rendition(named name: Substring) -> LiveRendition? { renditions.first { $0.id.rawValue == name } }

    func multivariant() -> ByteBuffer {
        let video = rendition(of: .video)
        let audio = rendition(of: .audio)
        var playlist = MultivariantPlaylist()
        playlist.independentSegments = renditions.allSatisfy(\.timeline.isIndependentThroughout)
        let codecs = renditions.compactMap(\.format?.codecs)
        let peak = renditions.reduce(0) { $0 + $1.bitRate.peak }
        let average = renditions.reduce(0) { $0 + $1.bitRate.average }
        if video != nil, let audio {
            playlist.audio = [
                AudioRendition(
                    group: "audio", name: "Main", uri: "\(audio.id.rawValue)/playlist.m3u8",
                    channels: audio.format?.channels, isDefault: true)
            ]
        }
        if let main = video ?? audio {
            playlist.variants = [
                Variant(
                    bandwidth: max(peak, 1), averageBandwidth: max(average, 1), codecs: codecs,
                    width: main.format?.width, height: main.format?.height, frameRate: main.format?.frameRate,
                    uri: "\(main.id.rawValue)/playlist.m3u8", audioGroup: video != nil && audio != nil ? "audio" : nil)
            ]
        }
        var text = ByteBuffer()
        playlist.write(into: &text)
        return text
    }

    func reports(for rendition: LiveRendition) -> [RenditionReport] {
        renditions.compactMap { other in
            guard other !== rendition, let position = other.timeline.position else { return nil }
            return RenditionReport(uri: "../\(other.id.rawValue)/playlist.m3u8", position: position)
        }
    }

    // MARK: Holds

    private func changed(_ touched: Set<RenditionID>) {
        for rendition in renditions where !touched.contains(rendition.id) { rendition.reportsChanged() }
        for rendition in renditions {
            for request in rendition.releaseReached() { answer(request, on: rendition) }
        }
    }

    func answer(_ request: ParkedRequests.Parked, on rendition: LiveRendition) {
        switch request.want {
        case .playlist(let form):
            request.exchange.respond(
                LiveHeads.playlist(blocking: true, gzipped: form.isGzipped, targetDuration: targetDuration),
                body: .bytes(rendition.playlist(form, reports: reports(for: rendition))))
        case .part(let sequence, let index):
            if let bytes = rendition.part(sequence, index) {
                request.exchange.respond(
                    LiveHeads.media(rendition.kind, targetDuration: targetDuration), body: .bytes(bytes))
            } else {
                // The hint did not come true: the segment ended before this part.
                request.exchange.refuse(.notFound("The hinted part did not come to be."), cacheFor: .zero)
            }
        }
    }

    func tick(at now: NIODeadline) {
        let clock = WallClock.now()
        for rendition in renditions {
            rendition.expire(at: clock)
            for request in rendition.expireHolds(at: now) {
                request.exchange.refuse(.holdExpired(after: holdLimit), cacheFor: .zero)
            }
        }
    }
}
