import Compression
import Foundation
import HLS
import NIOCore
import Origin
import Wire

/// What a playlist costs at the origin: processor time for each part, and bytes of its forms.
struct PlaylistMeasure {
    struct Figures {
        /// Microseconds for a part: appended, the playlist made in one form.
        let plain: Double
        let gzip: Double
        /// The same with the whole text written and compressed anew, as a server without shared text does.
        let wholePlain: Double
        let wholeGzip: Double
        let bytes: [(name: String, count: Int)]
    }

    /// Parts of a third of a second, segments of two; `window` in seconds.
    func run(window: Int, parts: Int) -> Figures {
        var stream = Stream(window: window)
        // Twice the window: as much has left it and can still be fetched as it lists.
        for _ in 0..<(window + 20) { stream.segment() }
        var rendered = RenderedPlaylists()
        let reports = [
            RenditionReport(uri: "../audio/playlist.m3u8", position: MediaPosition(sequence: 60_000_000, part: 3))
        ]
        func cost(_ body: (inout Stream) -> Int) -> Double {
            var total = 0
            let begin = Self.processorNanoseconds()
            for _ in 0..<parts {
                stream.part()
                total &+= body(&stream)
            }
            precondition(total > 0)
            return Double(Self.processorNanoseconds() - begin) / 1e3 / Double(parts)
        }
        func shared(_ isGzipped: Bool) -> (inout Stream) -> Int {
            { stream in
                rendered.invalidate()
                let form = PlaylistForm(skip: nil, isGzipped: isGzipped)
                return rendered.body(form, of: stream.timeline, reports: reports).length ?? 0
            }
        }
        func whole(_ isGzipped: Bool) -> (inout Stream) -> Int {
            { stream in
                var text = ByteBuffer()
                stream.timeline.write(delta: nil, reports: reports, into: &text)
                return isGzipped ? Gzip.compress(text).readableBytes : text.readableBytes
            }
        }
        // Once before, so that stretches which never change are compressed already.
        _ = shared(true)(&stream)
        let (plain, gzip) = (cost(shared(false)), cost(shared(true)))
        let (wholePlain, wholeGzip) = (cost(whole(false)), cost(whole(true)))
        rendered.invalidate()
        let forms: [(String, SkipRequest?, Bool)] = [
            ("full", nil, false), ("full, gzip", nil, true), ("delta", .segments, false),
            ("delta, gzip", .segments, true),
        ]
        let bytes = forms.map { name, skip, isGzipped in
            let form = PlaylistForm(skip: skip, isGzipped: isGzipped)
            return (name: name, count: rendered.body(form, of: stream.timeline, reports: reports).length ?? 0)
        }
        return Figures(plain: plain, gzip: gzip, wholePlain: wholePlain, wholeGzip: wholeGzip, bytes: bytes)
    }

    /// Of this process: what else the machine does is not counted.
    private static func processorNanoseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    /// A publish without media.
    private struct Stream {
        var timeline: LiveTimeline
        private var sequence: Int64 = 60_000_000
        private var parts = 0
        private var date: Int64 = 1_767_225_600_000_000

        init(window: Int) {
            timeline = LiveTimeline(
                rendition: RenditionID(rawValue: "video"),
                configuration: TimelineConfiguration(
                    partTarget: .milliseconds(350), targetDuration: 4, window: .seconds(window)),
                epoch: "i5r2o7a8b9c", firstSequence: sequence)
        }

        mutating func part() {
            if parts == 0 {
                timeline.startSegment(
                    sequence: sequence, programDateTimeMicroseconds: date, isDiscontinuity: false, isIndependent: true)
                sequence += 1
                date += 2_000_000
            }
            timeline.appendPart(duration: 1 / 3, isIndependent: parts == 0, byteCount: 100_000)
            parts += 1
            if parts == 6 {
                timeline.endSegment(duration: 2)
                // As the origin's clock does, or what has left the window would be kept for ever.
                _ = timeline.takeExpired(at: date)
                parts = 0
            }
        }

        mutating func segment() { for _ in 0..<6 { part() } }
    }
}
