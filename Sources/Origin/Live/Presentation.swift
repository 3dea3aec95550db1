import HLS
import HTTP
import Logging
import Media
import NIOCore
import Node
import Wire

/// What viewers see of a channel from its first publish to the end of the last that came back in time: renditions under
/// one epoch, and the multivariant playlist over them.
final class Presentation {
    private let settings: ChannelSettings
    private let logger: Logger
    let epoch: String
    private let timelineConfiguration: TimelineConfiguration
    private var seam: PublishSeam
    /// nil beside a twin origin, which lists the same at the same time.
    private var pace: ArrivalPace?
    private var arrived: [PackagerEvent] = []
    /// The cut of a twin origin that this presentation began with.
    private let joined: ListedCut?
    private var listing: [PackagerEvent] = []
    private(set) var renditions: [LiveRendition] = []
    private let startedAt = NIODeadline.now()
    private(set) var endedAt: NIODeadline?
    private(set) var firstPlayable: Duration?
    private let index: ParkingIndex
    /// Told of everything that was taken in, before viewers are; of nothing when the presentation has ended.
    private let push: ChannelPush?
    /// Segments that had to go before their time.
    private(set) var droppedSegments: UInt64 = 0
    private var isShortened = false
    /// Seconds that were listed as gaps and not taken out yet.
    private var gapSeconds: [MediaKind: Double] = [:]
    /// Keeps what is listed in files; nil where there is no directory.
    private let log: MediaLog?

    init(
        settings: ChannelSettings, epoch: String, firstSequence: Int64, discontinuitySequence: Int64,
        index: ParkingIndex, push: ChannelPush?, log: MediaLog? = nil,
        joining twin: (ListedCut, LineState)? = nil, hasTwin: Bool = false, logger: Logger
    ) {
        self.push = push
        self.settings = settings
        self.epoch = epoch
        seam = PublishSeam(
            limits: PublishSeam.Limits(settings.packaging), firstSequence: firstSequence,
            discontinuities: discontinuitySequence)
        if let (listed, line) = twin { seam.join(listed, line: line) }
        pace = hasTwin ? nil : ArrivalPace(part: seam.limits.part)
        joined = twin?.0
        self.logger = logger
        self.index = index
        timelineConfiguration = TimelineConfiguration(
            partTarget: settings.packaging.partTarget,
            targetDuration: settings.packaging.targetDurationSeconds, window: settings.window)
        self.log =
            log
            ?? settings.storage.directory.map { directory in
                MediaLog(
                    folder: Self.folder(settings.name, epoch), directory: directory, eventLoop: index.eventLoop)
            }
        self.log?.wrote = { [unowned self] piece in
            rendition(of: piece.kind)?.wrote(piece.bytes.readableBytes, of: piece.sequence, to: piece.file)
        }
    }

    /// Its folder in the media directory.
    static func folder(_ channel: String, _ epoch: String) -> String { "\(channel)/\(epoch)" }
    var folder: String { Self.folder(settings.name, epoch) }

    var channel: String { settings.name }
    var targetDuration: Int { timelineConfiguration.targetDuration }
    var heads: LiveHeads {
        LiveHeads(targetDuration: targetDuration, partTarget: timelineConfiguration.partTarget)
    }
    /// Above the number of every segment so far.
    var nextSequence: Int64 { seam.nextSequence }
    /// Discontinuities so far, earlier presentations' included.
    var discontinuities: Int64 { seam.discontinuities }
    /// Something has been listed.
    var hasMedia: Bool { seam.hasMedia }
    var hasEnded: Bool { endedAt != nil }
    var memoryBytes: Int { renditions.reduce(0) { $0 + $1.memoryBytes } }
    var diskBytes: Int { renditions.reduce(0) { $0 + $1.diskBytes } }

    /// Segments stay fetchable for the playlist's duration after the end (RFC 8216bis, 6.2.2).
    var isExpired: Bool {
        guard let endedAt else { return false }
        return NIODeadline.now() - endedAt > TimeAmount(settings.window + .seconds(targetDuration))
    }

    /// True when every rendition has something to play.
    var isPlayable: Bool { !renditions.isEmpty && renditions.allSatisfy(\.hasMedia) }

    // MARK: Media in

    /// Lists what a publisher's packager had made at `now`, in microseconds since 1970; later where it comes in bursts.
    func apply(_ events: [PackagerEvent], at now: Int64) {
        if seam.isGapping { forgetPace() }
        if pace?.take(events, at: now, into: &arrived) == nil { arrived += events }
        takeArrived(at: now)
    }

    /// Lists what waits. Where gaps have been listed the publisher's line is judged by when its media comes.
    private func forgetPace() {
        pace?.releaseAll(into: &arrived)
        pace?.reset()
    }

    private func takeArrived(at now: Int64) {
        seam.patience = pace?.patience ?? 0
        for event in arrived { seam.take(event, at: now, into: &listing) }
        arrived.removeAll(keepingCapacity: true)
        list()
    }

    /// Lists gaps where media is missing at `now`.
    func keepAlive(at now: Int64) {
        guard endedAt == nil else { return }
        pace?.release(at: now, into: &arrived)
        takeArrived(at: now)
        seam.keep(at: now, into: &listing)
        list()
    }

    /// Goes on where an origin before this one stopped, with the media that it left in files.
    func restore(_ recovered: RecoveredMedia, at now: Int64, file: (String) -> StoredFile) {
        for record in recovered.records {
            seam.restore(record)
            guard let kind = record.kind else { continue }
            if case .segment(let start) = record, rendition(of: kind) == nil {
                addRendition(kind, first: start.sequence)
                // What it needs was told before.
                if let section = seam[kind]?.initSection { rendition(of: kind)?.apply(.track(section)) }
            }
            rendition(of: kind)?.restore(record) { sequence in
                file("\(folder)/\(MediaJournal.segmentName(kind, sequence))")
            }
        }
        log?.resume(recovered)
        seam.goOn(at: now, into: &listing)
        list()
        keepAlive(at: now)
    }

    /// Goes on where an origin before this one stopped, without its media.
    func restore(_ live: ChannelState.Live, at now: Int64) {
        seam.restore(
            live.tracks.map { ($0.section, $0.fragments) },
            line: LineState(
                dateOffset: live.dateOffset, timestampShift: live.timestampShift, isContinuous: true),
            at: now, into: &listing)
        keepAlive(at: now)
    }

    /// What another origin process needs to go on; nil when there is nothing to go on with.
    var durable: ChannelState.Live? {
        guard !hasEnded, let continuation = seam.continuation else { return nil }
        return ChannelState.Live(
            epoch: epoch, packaging: settings.fingerprint, dateOffset: continuation.dateOffset,
            timestampShift: continuation.timestampShift,
            tracks: [seam.video, seam.audio].compactMap { track in
                track?.initSection.map { ChannelState.Track($0, fragments: track?.fragments ?? 0) }
            })
    }

    /// How the publisher's segment `sequence`, which was just begun, is listed, for a twin origin.
    func listing(of sequence: Int64) -> ListedCut? {
        seam.listing(of: sequence) { rendition(of: $0)?.timeline.isIndependentThroughout ?? true }
    }

    var initCount: Int { seam.initCount }

    /// The origin stops and the presentation does not: who waits is sent away to ask again.
    func interrupt() {
        for rendition in renditions {
            for group in rendition.expiredHolds(at: .distantFuture) {
                index.releases.addExpired(
                    of: group, at: .distantFuture, refusal(.holdExpired(after: timelineConfiguration.holdLimit)))
            }
        }
        index.releases.run()
    }

    /// Its publisher is away, and a twin origin's goes on: gaps use no more numbers than the twin's media do.
    func goOnBesideTwin() { seam.stretchesGaps = true }

    /// Its publisher's connection has ended: what has not come will not come.
    func publisherIsGone(at now: Int64) {
        forgetPace()
        takeArrived(at: now)
        seam.publisherIsGone()
    }

    /// What stalls have cost that are over, each once.
    func takeStalls() -> [StallReport] { seam.takeStalls() }

    /// Seconds that were listed as gaps since it was asked last.
    func takeGapSeconds() -> [MediaKind: Double] {
        defer { gapSeconds.removeAll() }
        return gapSeconds
    }

    /// A publisher takes this presentation up again. Returns where its packager goes on.
    func resume() -> PublishContinuation? {
        let continuation = seam.continuation
        seam.publisherChanged()
        return continuation
    }

    private func list() {
        guard !listing.isEmpty else { return }
        let events = listing
        listing.removeAll(keepingCapacity: true)
        var touched: Set<RenditionID> = []
        for event in events {
            if case .track(let section) = event, rendition(of: section.kind) == nil {
                // What came in one burst has gone through the seam already.
                let begun = events.lazy.compactMap { event -> Int64? in
                    if case .segment(let start) = event, start.kind == section.kind { start.sequence } else { nil }
                }.first
                addRendition(section.kind, first: begun ?? seam.beginning(of: section.kind))
            }
            guard let kind = event.kind, let rendition = rendition(of: kind) else { continue }
            rendition.apply(event)
            if let seconds = event.gapSeconds { gapSeconds[kind, default: 0] += seconds }
            touched.insert(rendition.id)
        }
        guard !touched.isEmpty else { return }
        if firstPlayable == nil && isPlayable {
            let taken = Duration.nanoseconds((NIODeadline.now() - startedAt).nanoseconds)
            firstPlayable = taken
            logger.info("playable", metadata: ["after": "\(taken)"])
        }
        log?.append(events, of: seam)
        keepWithinBounds()
        push?.changed(self, events)
        changed(touched)
    }

    private func addRendition(_ kind: MediaKind, first: Int64) {
        let id = RenditionID(rawValue: "\(kind)")
        let timeline = LiveTimeline(
            rendition: id, configuration: timelineConfiguration, epoch: epoch, firstSequence: first,
            discontinuitySequence: seam.discontinuities(before: first),
            isIndependentThroughout: joined?.track(kind)?.isIndependent ?? true)
        renditions.append(
            LiveRendition(kind: kind, timeline: timeline, store: SegmentStore(firstSequence: first), index: index))
        renditions.sort { $0.kind == .video && $1.kind == .audio }
    }

    func end() {
        guard endedAt == nil else { return }
        endedAt = .now()
        for rendition in renditions { rendition.end() }
        push?.changed(self, [])
        changed(Set(renditions.map(\.id)))
    }

    /// A newer presentation takes the channel's name: what still waits here is answered and sent there.
    func close() { end() }

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
        let hasCaptions = video?.format?.hasCaptions
        if hasCaptions == true {
            playlist.captions = [CaptionRendition(group: "captions", name: "CC1", service: "CC1")]
        }
        if let main = video ?? audio {
            playlist.variants = [
                Variant(
                    bandwidth: max(peak, 1), averageBandwidth: max(average, 1), codecs: codecs,
                    width: main.format?.width, height: main.format?.height, frameRate: main.format?.frameRate,
                    uri: "\(main.id.rawValue)/playlist.m3u8", audioGroup: video != nil && audio != nil ? "audio" : nil,
                    videoRange: video?.format?.videoRange?.rawValue,
                    captions: hasCaptions.map { $0 ? .group("captions") : .none })
            ]
        }
        var text = ByteBuffer()
        playlist.write(into: &text)
        return text
    }

    func playlist(_ form: PlaylistForm, of rendition: LiveRendition) -> ResponseBody {
        rendition.playlist(form, reports: reports(for: rendition))
    }

    /// The rendition with the lowest bit rate is the most urgent: a player that has it can play.
    func mediaHead(of rendition: LiveRendition) -> ResponseHead {
        let lower = renditions.filter { $0.bitRate.average < rendition.bitRate.average }.count
        return heads.media(rendition.kind, urgency: 2 + lower)
    }

    func reports(for rendition: LiveRendition) -> [RenditionReport] {
        renditions.compactMap { other in
            guard other !== rendition, let position = other.timeline.position else { return nil }
            return RenditionReport(uri: "../\(other.id.rawValue)/playlist.m3u8", position: position)
        }
    }

    // MARK: Storage

    /// Lets go of the memory of old segments that files have, and of the oldest where memory or disk would grow past their bounds: the
    /// window gets shorter then.
    private func keepWithinBounds() {
        for rendition in renditions { rendition.moveCold() }
        if let oldest = renditions.compactMap(\.oldestSequence).min() { log?.trim(before: oldest) }
        let storage = settings.storage
        var dropped: UInt64 = 0
        while memoryBytes > storage.memoryBytes || diskBytes > storage.diskBytes {
            // All renditions share their numbers: the oldest goes in each of them.
            let oldest = renditions.compactMap(\.oldestSequence).min()
            guard renditions.reduce(false, { $1.oldestSequence == oldest && $1.dropOldest() || $0 }) else { break }
            dropped += 1
        }
        guard dropped > 0 else { return }
        droppedSegments += dropped
        if !isShortened {
            logger.warning(
                "the window gets shorter for want of room",
                metadata: ["memory": "\(memoryBytes)", "disk": "\(diskBytes)", "reason": "packaging.storage"])
        }
        isShortened = true
    }

    // MARK: Holds

    private func changed(_ touched: Set<RenditionID>) {
        for rendition in renditions where !touched.contains(rendition.id) { rendition.reportsChanged() }
        for rendition in renditions {
            for group in rendition.releaseReached() {
                index.releases.add(group, answer(to: group.want, on: rendition))
            }
        }
        index.releases.run()
    }

    /// One answer for all who want the same.
    private func answer(to want: ParkedRequests.Want, on rendition: LiveRendition) -> ReleaseQueue.HoldAnswer {
        switch want {
        case .playlist(let form):
            return .init(
                head: heads.playlist(isBlocking: true, isGzipped: form.isGzipped), body: playlist(form, of: rendition))
        case .part(let sequence, let part):
            // A part that has just come is in memory, whatever else is not.
            if let bytes = rendition.recentPart(MediaPosition(sequence: sequence, part: part)) {
                return .init(head: mediaHead(of: rendition), body: .bytes(bytes))
            }
            // The hint did not come true: the segment ended before this part.
            return refusal(.notFound("The hinted part did not come to be."))
        }
    }

    private func refusal(_ refusal: LiveRefusal) -> ReleaseQueue.HoldAnswer {
        .init(head: heads.problem(refusal), body: .bytes(refusal.problem.body))
    }

    /// Until when a request may be held: the stream has then not advanced for three target durations (6.2.5.2). Where
    /// it has not for long already, a request learns it after one part target.
    func holdDeadline(on rendition: LiveRendition, at now: NIODeadline) -> NIODeadline {
        max(
            rendition.advancedAt + TimeAmount(timelineConfiguration.holdLimit),
            now + TimeAmount(timelineConfiguration.partTarget))
    }

    func tick(at now: NIODeadline) {
        let clock = WallClock.now()
        for rendition in renditions {
            rendition.expire(at: clock)
            for group in rendition.expiredHolds(at: now) {
                index.releases.addExpired(
                    of: group, at: now, refusal(.holdExpired(after: timelineConfiguration.holdLimit)))
            }
        }
        keepWithinBounds()
        index.releases.run()
    }
}
