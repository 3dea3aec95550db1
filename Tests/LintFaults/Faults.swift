import HLS
import HTTP
import NIOCore

extension Fault {
    /// Every fault that is served; the first ones are none.
    package static let all: [Fault] = [
        none, otherStyles, playlists, reloads, deltas, media, boxes, hints, http, presentation, attributes,
    ].flatMap { $0 }

    /// Those that are watched over sockets too. What a busy machine may delay is judged in simulated time alone.
    package static let served: [Fault] = all.filter { fault in
        let names = [
            "none", "none-both", "part-longer-than-target", "media-sequence-goes-back", "target-duration-changes",
            "date-drifts", "date-in-future", "past-end-is-refused", "far-ahead-is-answered",
            "skip-counts-wrong", "delta-lost-a-tag", "part-duration-wrong",
            "independent-is-false", "segment-is-not-its-parts", "decode-time-gap", "listed-and-missing",
            "hint-is-not-what-comes", "hint-is-refused", "no-gzip", "no-cors", "plain-playlist-poisoned",
            "too-early-is-cached", "no-report",
            "server-control-differs", "none-other-style", "none-byte-ranges", "elementary-stream-too-long",
            "hint-past-the-end", "a-line-per-viewer",
        ]
        return names.contains(fault.name)
    }

    private static let none: [Fault] = [
        Fault("none", nil),
        Fault("none-both", nil) { $0.needsBoth = true },
        Fault("none-ending", nil) {
            $0.source = .ending
            $0.needsBoth = true
        },
    ]

    private static let playlists: [Fault] = [
        Fault("part-longer-than-target", "partWithinTarget") {
            $0.replace("PART-TARGET=0.52500", "PART-TARGET=0.49000")
        },
        Fault("media-sequence-goes-back", "mediaSequenceNeverFalls") {
            // One answer in three segments.
            $0.lines { line, context in
                let tag = "#EXT-X-MEDIA-SEQUENCE:"
                guard line.hasPrefix(tag), let first = Int64(line.dropFirst(tag.count)),
                    let last = context.timeline?.position, last.sequence % 3 == 0, last.part == 1,
                    context.query == "_HLS_msn=\(last.sequence)&_HLS_part=\(last.part)"
                else { return line }
                return "\(tag)\(first - 2)"
            }
        },
        Fault("target-duration-changes", "targetDurationConstant") {
            $0.replace("#EXT-X-TARGETDURATION:2", "#EXT-X-TARGETDURATION:3") { $0.isBlocking }
        },
        Fault("date-drifts", "datesFollowMedia") {
            $0.text = { text, context in moveDates(in: text, first: context.sequence) { $0 * -30_000 } }
        },
        Fault("date-in-future", "datesNotInFuture") {
            $0.text = { text, context in moveDates(in: text, first: context.sequence) { _ in 3_600_000_000 } }
        },
        Fault("independence-not-told", "independentTold") { $0.replace(",INDEPENDENT=YES", "") },
    ]

    private static let reloads: [Fault] = [
        Fault("late-part", "partsOnTime") { $0.source = .stalling },
        Fault("released-a-segment-early", "reloadHoldsForSegment") {
            $0.decision = { directives, context in
                guard let msn = directives.msn, directives.part == nil, let last = context.timeline?.position,
                    msn <= last.sequence + 1
                else { return .usual }
                return .at(.segment(msn - 1))
            }
        },
        Fault("does-not-hold", "reloadHolds") {
            $0.implied = ["partPastEnd"]
            $0.decision = { directives, context in
                guard let msn = directives.msn, let part = directives.part, part < 20,
                    let last = context.timeline?.position, msn <= last.sequence + 1
                else { return .usual }
                return .now
            }
        },
        Fault("past-end-is-refused", "partPastEnd") {
            $0.decision = { directives, context in
                guard let msn = directives.msn, let part = directives.part,
                    let segment = context.timeline?.segment(msn), segment.isComplete, part >= segment.parts.count
                else { return .usual }
                return .refuse(400)
            }
        },
        Fault("old-sequence-is-refused", "oldSequenceAnswered") {
            $0.decision = { directives, context in
                (directives.msn ?? .max) < context.sequence ? .refuse(400) : .usual
            }
        },
        Fault("far-ahead-is-answered", "farAheadRefused") {
            $0.decision = { directives, context in
                (directives.msn ?? 0) > (context.timeline?.position?.sequence ?? 0) + 50 ? .now : .usual
            }
        },
        Fault("malformed-is-answered", "malformedRefused") {
            $0.head = { head, context in
                if context.isMalformed { head.status = 404 }
            }
        },
        Fault("ended-is-not-answered", "endedAnswersAtOnce") {
            $0.source = .ending
            $0.decision = { directives, context in
                context.timeline?.hasEnded == true && directives.msn != nil ? .refuse(404) : .usual
            }
        },
        Fault("twin-differs", "sameForEveryViewer") {
            $0.text = { text, context in
                context.visit < 2 || !context.isBlocking
                    ? text : text.replacing("#EXT-X-INDEPENDENT-SEGMENTS\n", with: "")
            }
        },
        Fault("a-line-per-viewer", "sameForEveryViewer") {
            $0.text = { text, context in context.kind == .playlist ? text + "# viewer \(context.visit)\n" : text }
        },
        Fault("a-multivariant-per-viewer", "sameForEveryViewer") {
            $0.needsBoth = true
            $0.text = { text, context in context.kind == .multivariant ? text + "# viewer \(context.visit)\n" : text }
        },
    ]

    private static let deltas: [Fault] = [
        Fault("skip-counts-wrong", "deltaCounts") {
            $0.lines { line, _ in
                guard line.hasPrefix("#EXT-X-SKIP:SKIPPED-SEGMENTS="), let count = Int(line.drop { !$0.isNumber })
                else {
                    return line
                }
                return "#EXT-X-SKIP:SKIPPED-SEGMENTS=\(count - 1)"
            }
        },
        Fault("delta-lost-a-tag", "deltaIsWhole") {
            $0.lines { line, context in
                context.isDelta && line.hasPrefix("#EXT-X-RENDITION-REPORT") ? nil : line
            }
        },
        Fault("delta-skips-too-new", "deltaSkipsOld") {
            $0.replace("CAN-SKIP-UNTIL=12.00000", "CAN-SKIP-UNTIL=16.00000")
        },
        Fault("no-delta", "deltaGiven") {
            $0.text = { text, context in
                guard context.isDelta, let timeline = context.timeline else { return text }
                var whole = ByteBuffer()
                timeline.write(delta: nil, reports: [], into: &whole)
                return String(buffer: whole)
            }
        },
        Fault("delta-unreadable", "playlistReadable") { $0.replace("SKIPPED-SEGMENTS=", "SKIPPED-SEGMENTS=x") },
        Fault("delta-version", "version") {
            $0.text = { text, context in
                context.isDelta ? text.replacing("#EXT-X-VERSION:9", with: "#EXT-X-VERSION:6") : text
            }
        },
    ]

    private static let media: [Fault] = [
        Fault("part-duration-wrong", "partDuration") {
            // Far enough from the truth, near enough that the sum still makes the segment.
            $0.lines { line, _ in
                line.replacing(
                    "DURATION=0.50000", with: line.contains(".0.m4s") ? "DURATION=0.50400" : "DURATION=0.49600")
            }
        },
        Fault("segment-duration-wrong", "segmentDuration") { $0.replace("#EXTINF:1.00000", "#EXTINF:0.99600") },
        Fault("independent-is-false", "independentHolds") { $0.replace(".1.m4s\"\n", ".1.m4s\",INDEPENDENT=YES\n") },
        Fault("segment-is-not-its-parts", "segmentIsItsParts") {
            $0.bytes = { bytes, context in context.kind == .segment ? spoiled(bytes) : bytes }
        },
        Fault("decode-time-gap", "mediaContinues") {
            $0.bytes = { bytes, context in
                context.kind == .part || context.kind == .segment ? moved(bytes, context) : bytes
            }
        },
        Fault("segments-start-dependent", "segmentStartsIndependent") {
            $0.implied = ["independentHolds", "segmentHoldsIndependent"]
            $0.bytes = { bytes, context in
                context.kind == .part || context.kind == .segment ? dependent(bytes) : bytes
            }
        },
        Fault("bytes-change", "mediaUnchanged") {
            $0.bytes = { bytes, context in context.kind == .part && context.visit > 1 ? spoiled(bytes) : bytes }
        },
        Fault("listed-and-missing", "listedMediaAvailable") {

            $0.media = { context in
                context.kind == .segment && context.timeline?.segment(context.sequence) != nil ? .refuse(404) : .usual
            }

        },
        Fault("init-is-no-init", "mediaReadable") {
            $0.bytes = { bytes, context in
                context.kind == .initSection ? ByteBuffer(string: "\u{0}\u{0}\u{0}\u{8}free") : bytes
            }
        },
        Fault("parts-go-too-early", "mediaStays") {
            $0.media = { context in
                guard context.kind == .part, let last = context.timeline?.position else { return .usual }
                return context.sequence < last.sequence - 6 ? .refuse(404) : .usual
            }
        },
    ]

    private static let hints: [Fault] = [
        Fault("hint-is-not-what-comes", "hintComesTrue") {
            $0.implied = ["hintedPartPublished"]
            $0.lines { line, _ in
                line.hasPrefix("#EXT-X-PRELOAD-HINT") ? line.replacing(".m4s", with: ".other.m4s") : line
            }
        },
        Fault("hint-past-the-end", "hintComesTrue") {
            // Where the next segment's first part comes, another of this one is hinted.
            $0.lines { line, _ in
                guard line.hasPrefix("#EXT-X-PRELOAD-HINT"), line.hasSuffix(".0.m4s\""),
                    let sequence = line.split(separator: "/").last.flatMap({ Int64($0.prefix { $0 != "." }) })
                else { return line }
                return "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"e/\(sequence - 1).2.m4s\""
            }
        },
        Fault("hint-is-trickled", "hintAtLineSpeed") { $0.isTrickled = true },
        Fault("hint-is-refused", "hintDelivered") {
            $0.media = { context in
                context.isHinted ? .refuse(404) : .usual
            }
        },
    ]

    private static let http: [Fault] = [
        Fault("no-gzip", "gzip") { $0.setField("content-encoding", nil) { _, _ in true } },
        Fault("playlist-type", "playlistType") {
            $0.setField("content-type", "text/plain") { context, status in context.kind == .playlist && status == 200 }
        },
        Fault("media-type", "mediaType") {
            $0.setField("content-type", "application/octet-stream") { context, _ in context.kind == .segment }
        },
        Fault("no-cors", "crossOrigin") { $0.setField("access-control-allow-origin", nil) { _, _ in true } },
        Fault("cors-of-one-site", "crossOrigin") {
            $0.setField("access-control-allow-origin", "https://example.com") { context, _ in context.kind == .part }
        },
        Fault("nothing-exposed", "exposedFields") {
            $0.setField("access-control-expose-headers", "Content-Length") { _, _ in true }
        },
        Fault("plain-playlist-poisoned", "plainPlaylistLifetime") {
            $0.setField("cache-control", "max-age=3600") { context, status in
                context.kind == .playlist && !context.isBlocking && status == 200
            }
        },
        Fault("blocking-playlist-not-cached", "blockingPlaylistLifetime") {
            $0.setField("cache-control", "no-cache") { context, status in context.isBlocking && status == 200 }
        },
        Fault("media-not-immutable", "mediaLifetime") {
            $0.setField("cache-control", "max-age=6") { context, status in context.kind == .part && status == 200 }
        },
        Fault("too-early-is-cached", "tooEarlyLifetime") {
            $0.setField("cache-control", "max-age=60") { context, status in
                status == 400 && !context.isMalformed
            }
        },
        Fault("not-found-is-cached", "failureLifetime") {
            $0.setField("cache-control", "max-age=86400") { context, status in
                context.isMalformed
            }
        },
        Fault("age-beyond-lifetime", "ageWithinLifetime") {
            $0.setField("age", "4000") { _, status in status == 200 }
        },
        Fault("unknown-is-ok", "unknownIsNotFound") { $0.media = { $0.kind == .refusal ? .now : .usual } },
        Fault("media-is-redirected", "mediaNotRedirected") {
            $0.head = { head, context in
                guard context.kind == .segment else { return }
                head.status = 302
                head.fields.append("location", "https://example.com/")
            }
        },
        Fault("cookies", "noCookies") {
            $0.setField("set-cookie", "viewer=1") { context, _ in context.kind == .playlist }
        },
        Fault("media-before-playlists", "urgency") {
            $0.setField("priority", "u=0") { context, _ in context.kind == .part }
        },
    ]

    private static let presentation: [Fault] = [
        Fault("report-is-stale", "reportsFresh") { $0.report(sequencesAhead: -5) },
        Fault("report-runs-ahead", "reportsFresh") { $0.report(sequencesAhead: 20) },
        Fault("no-report", "reportForEveryOther") {
            $0.lines { line, context in
                line.hasPrefix("#EXT-X-RENDITION-REPORT") && context.rendition == "audio" ? nil : line
            }
        },
        Fault("server-control-differs", "equalServerControl") {
            $0.replace(",HOLD-BACK=6.00000", ",HOLD-BACK=7.00000") { $0.rendition == "audio" }
        },
        Fault("renditions-out-of-sync", "renditionsInSync") {
            $0.text = { text, context in
                context.rendition == "audio" ? moveDates(in: text, first: context.sequence) { _ in -200_000 } : text
            }
        },
        Fault("starts-not-told", "independentSegmentsTold") { $0.replace("#EXT-X-INDEPENDENT-SEGMENTS\n", "") },
        Fault("codecs-of-another", "codecsMatch") { $0.replace("avc1.64000c", "hvc1.1.6.L93.B0") },
        Fault("no-codecs", "codecsTold") { $0.replace("CODECS=\"avc1.64000c,mp4a.40.2\",", "") },
        Fault("no-frame-rate", "pictureTold") { $0.replace("FRAME-RATE=20.000,", "") },
        Fault("no-average-bandwidth", "averageBandwidthTold") { $0.replace("AVERAGE-BANDWIDTH=180000,", "") },
        Fault("bandwidth-too-low", "bandwidthHolds") { $0.replace(":BANDWIDTH=200000", ":BANDWIDTH=50000") },
        Fault("audio-group-unknown", "audioGroupDefined") { $0.replace(",AUDIO=\"a\"", ",AUDIO=\"b\"") },
    ].map { fault in
        var fault = fault
        fault.needsBoth = true
        return fault
    }

    // MARK: Spoiling

    /// Moves each PROGRAM-DATE-TIME by microseconds that depend on its segment's number, counted from 100.
    static func moveDates(in text: String, first: Int64, by shift: (Int64) -> Int64) -> String {
        let prefix = "#EXT-X-PROGRAM-DATE-TIME:"
        var sequence = first
        return text.split(separator: "\n").map { line in
            if !line.hasPrefix("#") { sequence += 1 }
            if line.hasPrefix("#EXT-X-SKIP:"), let count = Int64(line.drop { !$0.isNumber }) { sequence += count }
            guard line.hasPrefix(prefix),
                let moment = DateText.read(line.dropFirst(prefix.count))
            else { return String(line) }
            return prefix + DateText.write(moment + shift(sequence - 100))
        }.joined(separator: "\n") + "\n"
    }

    /// Another last byte.
    static func spoiled(_ bytes: ByteBuffer) -> ByteBuffer {
        var bytes = bytes
        let last = bytes.writerIndex - 1
        if let byte = bytes.getInteger(at: last, as: UInt8.self) { bytes.setInteger(byte ^ 0xff, at: last) }
        return bytes
    }

    /// Decode times 10 ms later in every fragment of every other segment.
    private static func moved(_ bytes: ByteBuffer, _ context: FaultContext) -> ByteBuffer {
        guard context.sequence % 2 == 0 else { return bytes }
        var bytes = bytes
        let name = Array("tfdt".utf8)
        var place = bytes.readerIndex
        while let found = bytes.getSlice(at: place, length: bytes.writerIndex - place)?.readableBytesView.firstRange(
            of: name)
        {
            let value = place + found.upperBound + 4
            if let time = bytes.getInteger(at: value, as: UInt64.self) {
                bytes.setInteger(time + (context.rendition == "audio" ? 480 : 900), at: value)
            }
            place = value
        }
        return bytes
    }

    /// The first sample of a fragment says that it depends on others.
    static func dependent(_ bytes: ByteBuffer) -> ByteBuffer {
        var bytes = bytes
        guard let found = bytes.readableBytesView.firstRange(of: Array("trun".utf8)) else { return bytes }
        // Version and flags, count, data offset, then duration, size and flags.
        let flags = found.upperBound + 20
        if bytes.getInteger(at: flags, as: UInt32.self) == 0x0200_0000 {
            bytes.setInteger(UInt32(0x0101_0000), at: flags)
        }
        return bytes
    }
}
