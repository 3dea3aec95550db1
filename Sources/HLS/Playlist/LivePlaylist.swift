import struct NIOCore.ByteBuffer

/// Where another rendition stands, told in this one's playlist (4.4.5.4).
package struct RenditionReport: Sendable, Equatable {
    /// URI of its media playlist, relative to this one's.
    package let uri: String
    package let position: MediaPosition

    package init(uri: String, position: MediaPosition) {
        self.uri = uri
        self.position = position
    }
}

extension LiveTimeline {
    /// Writes the media playlist as it stands (4.4), or a delta update where `skip` asks and the rules allow (6.2.5.1).
    package mutating func write(
        delta skip: SkipRequest?, reports: [RenditionReport], into buffer: inout ByteBuffer
    ) {
        let skipped = skip == nil ? 0 : skippableCount
        var text = PlaylistText()
        writeHead(skipped: skipped, to: &text)
        let partsFrom = firstSegmentWithParts
        var lastInit: Int?
        for (index, segment) in segments.enumerated() {
            // A delta repeats the map (and the date) before its first segment.
            if index < skipped { continue }
            let needsMap = segment.initNumber != lastInit
            lastInit = segment.initNumber
            if let rendered = renderedSegments[segment.sequence], !needsMap, index < partsFrom {
                text.append(contentsOf: rendered)
                continue
            }
            let rendered = render(segment, withMap: needsMap, withParts: index >= partsFrom)
            if segment.isComplete, !needsMap, index < partsFrom { renderedSegments[segment.sequence] = rendered }
            text.append(contentsOf: rendered)
        }
        writeTail(reports: reports, to: &text)
        buffer.writeBytes(text.bytes)
    }

    private func writeHead(skipped: Int, to text: inout PlaylistText) {
        text.line("#EXTM3U")
        // 9 is needed for SKIP, 6 for EXT-X-MAP in a playlist of media segments (8).
        text.line("#EXT-X-VERSION:\(skipped > 0 ? 9 : 6)")
        text.line("#EXT-X-TARGETDURATION:\(configuration.targetDuration)")
        text.line(
            "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES"
                + ",CAN-SKIP-UNTIL=\(PlaylistText.decimal(configuration.canSkipUntil))"
                + ",HOLD-BACK=\(PlaylistText.decimal(configuration.holdBack))"
                + ",PART-HOLD-BACK=\(PlaylistText.decimal(configuration.partHoldBack))")
        text.line("#EXT-X-PART-INF:PART-TARGET=\(PlaylistText.decimal(configuration.partTarget))")
        text.line("#EXT-X-MEDIA-SEQUENCE:\(mediaSequence)")
        if discontinuitySequence > 0 { text.line("#EXT-X-DISCONTINUITY-SEQUENCE:\(discontinuitySequence)") }
        if isIndependentThroughout { text.line("#EXT-X-INDEPENDENT-SEGMENTS") }
        if skipped > 0 { text.line("#EXT-X-SKIP:SKIPPED-SEGMENTS=\(skipped)") }
    }

    private func render(_ segment: LiveSegment, withMap: Bool, withParts: Bool) -> [UInt8] {
        if segment.parts.isEmpty && !segment.isComplete { return [] }
        var text = PlaylistText()
        if segment.isDiscontinuity { text.line("#EXT-X-DISCONTINUITY") }
        if withMap { text.line("#EXT-X-MAP:URI=\"\(initURI(segment.initNumber))\"") }
        text.line("#EXT-X-PROGRAM-DATE-TIME:\(PlaylistText.dateTime(segment.programDateTime))")
        if withParts {
            for (index, part) in segment.parts.enumerated() {
                text.append("#EXT-X-PART:DURATION=\(PlaylistText.decimal(part.duration))")
                text.append(",URI=\"\(epoch)/\(segment.sequence).\(index).m4s\"")
                if part.isIndependent { text.append(",INDEPENDENT=YES") }
                text.append("\n")
            }
        }
        if let duration = segment.duration {
            text.line("#EXTINF:\(PlaylistText.decimal(duration)),")
            text.line("\(epoch)/\(segment.sequence).m4s")
        }
        return text.bytes
    }

    private func writeTail(reports: [RenditionReport], to text: inout PlaylistText) {
        if hasEnded { return text.line("#EXT-X-ENDLIST") }
        if let hinted {
            text.line("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"\(epoch)/\(hinted.sequence).\(hinted.part).m4s\"")
        }
        for report in reports {
            text.line(
                "#EXT-X-RENDITION-REPORT:URI=\"\(report.uri)\",LAST-MSN=\(report.position.sequence)"
                    + ",LAST-PART=\(report.position.part)")
        }
    }

    /// Index of the first listed segment whose parts are listed too: PART tags more than three target durations from
    /// the end disappear (6.2.2).
    private var firstSegmentWithParts: Int {
        let limit = configuration.partLifetime.inSeconds
        var fromEnd = 0.0
        for index in segments.indices.reversed() {
            // A segment whose end lies beyond the limit has only parts beyond it.
            if fromEnd > limit { return index + 1 }
            fromEnd += segments[index].mediaDuration
        }
        return 0
    }

    /// How many segments a delta update leaves out: those further from the end than CAN-SKIP-UNTIL (4.4.5.2). With
    /// ENDLIST there is no delta.
    private var skippableCount: Int {
        guard !hasEnded else { return 0 }
        let boundary = configuration.canSkipUntil.inSeconds
        var fromEnd = 0.0
        for index in segments.indices.reversed() {
            // Skipped is what ends before the boundary.
            if fromEnd >= boundary { return index + 1 }
            fromEnd += segments[index].mediaDuration
        }
        return 0
    }
}
