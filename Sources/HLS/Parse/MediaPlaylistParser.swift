extension MediaPlaylist {
    /// Reads a media playlist.
    ///
    /// Tags that it does not know are passed over, as 6.3.1 asks of clients; so are keys, date ranges and what a player
    /// alone needs.
    ///
    /// - Throws: `PlaylistError` with the line of the first mistake.
    package init(parsing text: some Collection<UInt8>) throws(PlaylistError) {
        var parser = try MediaPlaylistParser(Array(text))
        self = try parser.parse()
    }
}

/// Reads the tags of a media playlist one by one.
struct MediaPlaylistParser {
    private var lines: PlaylistLines
    private var playlist = MediaPlaylist()
    private var seen: Set<String> = []
    private var tags = SegmentTags()
    private var nextSequence: Int64 = 0
    private var discontinuities: Int64 = 0

    /// What has been read since the last URI, and what applies from here on.
    private struct SegmentTags {
        var duration: Duration?
        var byteRange: MediaPlaylist.ByteRange?
        var isDiscontinuity = false
        var isGap = false
        var programDateTime: Int64?
        var parts: [MediaPlaylist.Part] = []
        var map: MediaPlaylist.Resource?
    }

    init(_ bytes: [UInt8]) throws(PlaylistError) { lines = try PlaylistLines(bytes) }

    mutating func parse() throws(PlaylistError) -> MediaPlaylist {
        while let line = try lines.next() {
            switch line {
            case .uri(let uri): try endSegment(uri: uri)
            case .tag(let tag): try read(tag)
            }
        }
        if !tags.parts.isEmpty {
            guard tags.duration == nil else { throw error(.missingTag("the URI of the last segment")) }
            try addSegment(uri: nil)
        } else if tags.duration != nil {
            throw error(.missingTag("the URI of the last segment"))
        }
        playlist.announcesDiscontinuity = tags.isDiscontinuity
        guard seen.contains("#EXT-X-TARGETDURATION") else {
            throw PlaylistError(line: 0, reason: .missingTag("#EXT-X-TARGETDURATION"))
        }
        return playlist
    }

    private func error(_ reason: PlaylistError.Reason) -> PlaylistError {
        PlaylistError(line: lines.line, reason: reason)
    }

    // MARK: Tags

    private mutating func read(_ tag: PlaylistTag) throws(PlaylistError) {
        switch tag.name {
        case "#EXTINF": try readDuration(tag)
        case "#EXT-X-PART": try readPart(tag)
        case "#EXT-X-PROGRAM-DATE-TIME":
            guard let value = tag.value, let moment = DateTimeText.unixMicroseconds(value) else {
                throw tag.malformed(tag.value, "an ISO 8601 date and time")
            }
            tags.programDateTime = moment
        case "#EXT-X-DISCONTINUITY": tags.isDiscontinuity = true
        case "#EXT-X-GAP": tags.isGap = true
        case "#EXT-X-BYTERANGE": tags.byteRange = try byteRange(tag.value, of: tag)
        case "#EXT-X-MAP":
            let list = try AttributeList(tag)
            let range = try list.quoted("BYTERANGE")
            tags.map = MediaPlaylist.Resource(
                uri: try list.require("URI", try list.quoted("URI")),
                byteRange: try range.map { text throws(PlaylistError) in try byteRange(Array(text.utf8)[...], of: tag) }
            )
        case "#EXT-X-PRELOAD-HINT": try readHint(tag)
        case "#EXT-X-RENDITION-REPORT": try readReport(tag)
        case "#EXT-X-STREAM-INF", "#EXT-X-MEDIA", "#EXT-X-I-FRAME-STREAM-INF":
            throw PlaylistError(line: tag.line, reason: .wrongKind(tag: tag.name))
        default: try readHead(tag)
        }
    }

    /// The tags that may stand once (4.4.3).
    private mutating func readHead(_ tag: PlaylistTag) throws(PlaylistError) {
        switch tag.name {
        case "#EXT-X-VERSION":
            playlist.version = Int(clamping: try once(tag).integer())
        case "#EXT-X-TARGETDURATION":
            let seconds = try once(tag).integer()
            guard seconds <= 86_400 else { throw tag.malformed(tag.value, "a day at most") }
            playlist.targetDuration = Int(seconds)
        case "#EXT-X-PART-INF":
            let list = try AttributeList(once(tag))
            playlist.partTarget = try list.require("PART-TARGET", try list.seconds("PART-TARGET"))
        case "#EXT-X-SERVER-CONTROL":
            let list = try AttributeList(once(tag))
            playlist.serverControl = MediaPlaylist.ServerControl(
                canBlockReload: try list.isYes("CAN-BLOCK-RELOAD"), canSkipUntil: try list.seconds("CAN-SKIP-UNTIL"),
                canSkipDateRanges: try list.isYes("CAN-SKIP-DATERANGES"), holdBack: try list.seconds("HOLD-BACK"),
                partHoldBack: try list.seconds("PART-HOLD-BACK"))
        case "#EXT-X-MEDIA-SEQUENCE":
            let first = try beforeSegments(tag).integer()
            // Room to count segments from it.
            guard first <= .max / 2 else { throw tag.malformed(tag.value, "a number below 2^62") }
            playlist.mediaSequence = first
            nextSequence = first
        case "#EXT-X-DISCONTINUITY-SEQUENCE":
            let first = try beforeSegments(tag).integer()
            guard first <= .max / 2 else { throw tag.malformed(tag.value, "a number below 2^62") }
            guard !tags.isDiscontinuity else { throw tag.misplaced("must stand before #EXT-X-DISCONTINUITY") }
            playlist.discontinuitySequence = first
            discontinuities = first
        case "#EXT-X-PLAYLIST-TYPE": playlist.playlistType = String(decoding: try once(tag).value ?? [], as: UTF8.self)
        case "#EXT-X-INDEPENDENT-SEGMENTS":
            _ = try once(tag)
            playlist.hasIndependentSegments = true
        case "#EXT-X-SKIP": try readSkip(tag)
        case "#EXT-X-ENDLIST":
            _ = try once(tag)
            playlist.hasEnded = true
        case "#EXT-X-KEY":
            let list = try AttributeList(tag)
            if list.any("IV") != nil { needVersion(2) }
            if list.any("METHOD")?.text == "SAMPLE-AES" || list.any("KEYFORMAT") != nil
                || list.any("KEYFORMATVERSIONS") != nil
            {
                needVersion(5)
            }
        case "#EXT-X-I-FRAMES-ONLY": needVersion(4)
        case "#EXT-X-DEFINE": needVersion(try AttributeList(tag).any("QUERYPARAM") == nil ? 8 : 11)
        default: break
        }
    }

    private mutating func needVersion(_ version: Int) { playlist.leastVersion = max(playlist.leastVersion, version) }

    private mutating func once(_ tag: PlaylistTag) throws(PlaylistError) -> PlaylistTag {
        guard seen.insert(tag.name).inserted else { throw tag.repeated }
        return tag
    }

    private mutating func beforeSegments(_ tag: PlaylistTag) throws(PlaylistError) -> PlaylistTag {
        guard playlist.segments.isEmpty, playlist.skip == nil, tags.parts.isEmpty else {
            throw tag.misplaced("must stand before the first segment")
        }
        return try once(tag)
    }

    private mutating func readSkip(_ tag: PlaylistTag) throws(PlaylistError) {
        let list = try AttributeList(beforeSegments(tag))
        let count = try list.require("SKIPPED-SEGMENTS", try list.integer("SKIPPED-SEGMENTS"))
        guard count <= Int64(PlaylistLimits.segments) else {
            throw PlaylistError(line: tag.line, reason: .tooMany("skipped segments", limit: PlaylistLimits.segments))
        }
        let removed = try list.quoted("RECENTLY-REMOVED-DATERANGES")
        playlist.skip = MediaPlaylist.Skip(
            segments: Int(count), removedDateRanges: removed.map { $0.split(separator: "\t").map(String.init) })
        nextSequence += count
    }

    // MARK: Segments

    private mutating func readDuration(_ tag: PlaylistTag) throws(PlaylistError) {
        guard tags.duration == nil else { throw tag.misplaced("follows another one without a URI between them") }
        let value = tag.value ?? []
        guard let duration = DecimalText.seconds(value.prefix { $0 != UInt8(ascii: ",") }) else {
            throw tag.malformed(value, "seconds, then a comma")
        }
        tags.duration = duration
        if value.prefix(while: { $0 != UInt8(ascii: ",") }).contains(UInt8(ascii: ".")) { needVersion(3) }
    }

    private mutating func readPart(_ tag: PlaylistTag) throws(PlaylistError) {
        guard tags.parts.count < PlaylistLimits.parts else {
            throw PlaylistError(line: tag.line, reason: .tooMany("parts in a segment", limit: PlaylistLimits.parts))
        }
        guard tags.duration == nil else { throw tag.misplaced("must stand before the #EXTINF of its segment") }
        let list = try AttributeList(tag)
        let range = try list.quoted("BYTERANGE")
        tags.parts.append(
            MediaPlaylist.Part(
                uri: try list.require("URI", try list.quoted("URI")),
                duration: try list.require("DURATION", try list.seconds("DURATION")),
                isIndependent: try list.isYes("INDEPENDENT"), isGap: try list.isYes("GAP"),
                byteRange: try range.map { text throws(PlaylistError) in try byteRange(Array(text.utf8)[...], of: tag) }
            ))
    }

    private mutating func endSegment(uri: String) throws(PlaylistError) {
        guard tags.duration != nil else { throw error(.uriWithoutTag("#EXTINF")) }
        try addSegment(uri: uri)
    }

    private mutating func addSegment(uri: String?) throws(PlaylistError) {
        guard playlist.segments.count < PlaylistLimits.segments else {
            throw error(.tooMany("segments", limit: PlaylistLimits.segments))
        }
        if tags.isDiscontinuity { discontinuities += 1 }
        playlist.segments.append(
            MediaPlaylist.Segment(
                sequence: nextSequence, discontinuitySequence: discontinuities, uri: uri, byteRange: tags.byteRange,
                duration: tags.duration, isDiscontinuity: tags.isDiscontinuity, isGap: tags.isGap,
                programDateTime: tags.programDateTime, map: tags.map, parts: tags.parts))
        nextSequence += 1
        tags = SegmentTags(map: tags.map)
    }

    private func byteRange(_ value: ArraySlice<UInt8>?, of tag: PlaylistTag) throws(PlaylistError)
        -> MediaPlaylist.ByteRange
    {
        let numbers = (value ?? []).split(separator: UInt8(ascii: "@"), omittingEmptySubsequences: false)
        guard let first = numbers.first, let length = DecimalText.integer(first), numbers.count <= 2 else {
            throw tag.malformed(value, "a byte range: length, or length@start")
        }
        guard numbers.count == 2 else { return MediaPlaylist.ByteRange(length: length, start: nil) }
        guard let start = DecimalText.integer(numbers[1]) else {
            throw tag.malformed(value, "a byte range: length, or length@start")
        }
        return MediaPlaylist.ByteRange(length: length, start: start)
    }

    // MARK: After the segments

    private mutating func readHint(_ tag: PlaylistTag) throws(PlaylistError) {
        try checkEntries(playlist.hints.count, "hints")
        let list = try AttributeList(tag)
        playlist.hints.append(
            MediaPlaylist.PreloadHint(
                type: try list.require("TYPE", try list.token("TYPE")),
                uri: try list.require("URI", try list.quoted("URI")),
                byteRangeStart: try list.integer("BYTERANGE-START"),
                byteRangeLength: try list.integer("BYTERANGE-LENGTH")))
    }

    private mutating func readReport(_ tag: PlaylistTag) throws(PlaylistError) {
        try checkEntries(playlist.reports.count, "rendition reports")
        let list = try AttributeList(tag)
        playlist.reports.append(
            MediaPlaylist.Report(
                uri: try list.require("URI", try list.quoted("URI")), lastSequence: try list.integer("LAST-MSN"),
                lastPart: try list.integer("LAST-PART")))
    }

    private func checkEntries(_ count: Int, _ what: String) throws(PlaylistError) {
        guard count < PlaylistLimits.entries else { throw error(.tooMany(what, limit: PlaylistLimits.entries)) }
    }
}
