/// A packager as it stood before the packet that begins a segment: another one that goes on from here makes the same
/// bytes under the same numbers from that segment on, when it is fed that packet and those that follow.
///
/// What it makes of earlier segments is not whole, and not to be listed.
package struct PackagerCheckpoint: Sendable, Codable {
    /// Number of the segment that the packet begins.
    package let sequence: Int64
    /// The last frame of sound before the packet, by its stamp; nil where there was none.
    package let sound: Stamp?
    private let stored: PublishPackager

    /// The packager to go on with; nil where its settings are others.
    package func packager(for configuration: PackagerConfiguration) -> PublishPackager? {
        stored.configuration == configuration && stored.isRunning ? stored : nil
    }

    /// - Parameters:
    ///   - packager: as it was before the packet.
    ///   - events: what it made of the packet.
    /// - Returns: nil where the packet begins no segment of the leading track from which decoding can start.
    package init?(before packager: PublishPackager, leading kind: MediaKind, made events: [PackagerEvent]) {
        var begun: SegmentStart?
        for case .segment(let start) in events where start.kind == kind { begun = start }
        guard let begun, begun.startsIndependent, packager.isRunning else { return nil }
        sequence = begun.sequence
        sound = packager.line.last(.audio)?.stamp
        stored = packager.withoutOpenParts
    }

    /// The init sections in force before the packet.
    package var initSections: [InitSection] {
        let discontinuities = stored.plan.discontinuities
        return [
            stored.video?.initSection(discontinuitiesBefore: discontinuities),
            stored.audio?.initSection(discontinuitiesBefore: discontinuities),
        ].compactMap(\.self)
    }

    /// How timestamps lie on the line before the packet; nil before the first frame.
    package var line: LineState? {
        guard let last = stored.line.last(.video) ?? stored.line.last(.audio) else { return nil }
        return LineState(
            dateOffset: stored.dates.date(at: 0), timestampShift: last.line &- last.stamp.total, isContinuous: true)
    }
}

extension PublishPackager {
    /// The track whose packets can begin segments now.
    package var leadingKind: MediaKind { video == nil ? .audio : .video }

    /// Whether this packet may begin a segment from which decoding can start: a packager is kept as it is before those.
    package func mayBeginSegment(_ packet: VideoPacket) -> Bool {
        guard isRunning, case .frame(let bytes) = packet.payload, let video else { return false }
        return bytes.withUnsafeReadableBytes { video.configuration.access(of: $0).isEntry }
    }

    package func mayBeginSegment(_ packet: AudioPacket) -> Bool {
        guard isRunning, video == nil, case .frame = packet.payload else { return false }
        return true
    }
}

extension PackagerEvent {
    /// The segment that it speaks of.
    package var sequence: Int64? {
        switch self {
        case .segment(let start): start.sequence
        case .part(let part): part.sequence
        case .segmentEnd(_, let sequence, _), .gap(_, let sequence, _, _): sequence
        case .track, .discontinuity, .line, .warning, .refused: nil
        }
    }
}

extension VideoPacket {
    /// When it was sent, by its publisher.
    package var sentStamp: Stamp { stamp }

    /// The same by a clock that is so many milliseconds behind.
    package func sent(earlier milliseconds: UInt32) -> VideoPacket {
        var packet = self
        packet.timestampMilliseconds &-= milliseconds
        return packet
    }
}

extension AudioPacket {
    /// When it was sent, by its publisher.
    package var sentStamp: Stamp { stamp }

    /// The same by a clock that is so many milliseconds behind.
    package func sent(earlier milliseconds: UInt32) -> AudioPacket {
        var packet = self
        packet.timestampMilliseconds &-= milliseconds
        return packet
    }
}
