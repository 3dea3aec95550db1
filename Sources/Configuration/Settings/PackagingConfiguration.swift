/// How a stream becomes parts and segments.
package struct PackagingConfiguration: Equatable, Sendable {
    /// What happens to a stream whose key frames are further apart than `maximumSegment`.
    package enum LongGOP: String, CaseIterable, Sendable {
        /// Cuts segments without a key frame and says so in the playlist: it keeps playing.
        case cut
        /// Ends the publish with a reason.
        case refuse
    }

    /// Target duration of a part.
    package var part = Duration(attoseconds: 333_333_333_333_333_333)
    /// Duration near which a segment ends, at a key frame.
    package var segment = Duration.seconds(2)
    /// Longest segment, which fixes the playlist's target duration.
    package var maximumSegment = Duration.seconds(4)
    /// How much of the past a playlist lists.
    package var window = Duration.seconds(30)
    package var longGOP = LongGOP.cut
    package var storage = StorageConfiguration()

    package init() {}

    init(_ section: Section) {
        let part = section.value("part", Self.partKind, standard: part)
        let segment = section.value("segment", Self.segmentKind, standard: segment)
        let maximum = section.value(
            "maximum_segment", .duration(.seconds(1) ... .seconds(60)), standard: max(maximumSegment, segment.value))
        let window = section.value(
            "window", .duration(.seconds(3) ... .seconds(21_600)), standard: max(window, maximum.value * 4))
        Self.check(part: part, segment: segment, in: section)
        section.requireOrder(segment, maximum)
        if maximum.isSound, window.isSound, window.value < maximum.value * 3, let place = window.place ?? maximum.place
        {
            section.decoding.report(
                place,
                // RFC 8216bis, 6.2.2: a live playlist never gets shorter than three target durations.
                .conflict(
                    "\"\(window.path)\" is \(DurationText.write(window.value)), less than three times "
                        + "\"\(maximum.path)\" (\(DurationText.write(maximum.value)))"),
                hint: "Set it to \(DurationText.write(maximum.value * 3)) or more.")
        }
        self.part = part.value
        self.segment = segment.value
        maximumSegment = maximum.value
        self.window = window.value
        longGOP = section.value("long_gop", .choice, standard: longGOP).value
        storage = section.section("storage", StorageConfiguration.init).value
    }

    static var partKind: ValueKind<Duration> { .duration(.milliseconds(100) ... .seconds(2)) }
    static var segmentKind: ValueKind<Duration> { .duration(.seconds(1) ... .seconds(30)) }

    /// A segment of fewer than two parts has no use for parts.
    static func check(part: Setting<Duration>, segment: Setting<Duration>, in section: Section) {
        guard part.isSound, segment.isSound, segment.value < part.value * 2, let place = part.place ?? segment.place
        else { return }
        section.decoding.report(
            place,
            .conflict(
                "\"\(part.path)\" is \(DurationText.write(part.value)), more than half of "
                    + "\"\(segment.path)\" (\(DurationText.write(segment.value)))"),
            hint: "A segment holds two parts or more: shorten the part or lengthen the segment.")
    }
}
