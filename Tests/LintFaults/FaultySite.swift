import Compression
import HLS
import HTTP
import NIOCore

/// One publish served many times over, each time with one fault: `/{fault}/index.m3u8`, `/{fault}/{rendition}/…`. It
/// knows no socket and no clock.
package final class FaultySite {
    package enum Body {
        case whole(ByteBuffer)
        /// One piece each 90 ms, as if it were made meanwhile.
        case trickled([ByteBuffer])
    }
    package typealias Reply = (ResponseHead, Body) -> Void

    private struct Parked {
        let ticket: Int
        let source: Fault.Source
        let rendition: String
        let target: HoldTarget
        let answer: () -> Void
    }

    private let faults: [String: Fault]
    private var sources: [Fault.Source: LiveSource] = [:]
    private var parked: [Parked] = []
    private var visits: [String: Int] = [:]
    private let wall: Int64

    /// `source` is the publish as it stands at `wall`.
    package init(_ faults: [Fault], source: LiveSource, wall: Int64) {
        self.faults = Dictionary(uniqueKeysWithValues: faults.map { ($0.name, $0) })
        self.wall = wall
        for fault in faults { sources[fault.source] = source }
    }

    /// Time goes on, to so many microseconds after the beginning.
    package func advance(to elapsed: Int64) {
        for kind in sources.keys {
            // One falls silent for three seconds, one ends.
            if kind == .stalling, (4_000_000..<7_000_000).contains(elapsed) { continue }
            if kind == .ending, elapsed > 5_000_000 {
                if sources[kind]?.renditions["video"]?.timeline.hasEnded == false { sources[kind]?.end() }
            } else {
                sources[kind]?.advance(to: wall + elapsed)
            }
        }
        var reached: [Parked] = []
        parked.removeAll { request in
            let timeline = sources[request.source]?.renditions[request.rendition]?.timeline
            guard timeline?.isSatisfied(request.target) != false else { return false }
            reached.append(request)
            return true
        }
        for request in reached { request.answer() }
    }

    package func cancel(_ ticket: Int) { parked.removeAll { $0.ticket == ticket } }

    // MARK: Requests

    /// One request under way.
    private struct Call {
        let ticket: Int
        let range: ClosedRange<Int64>?
        let fault: Fault
        let acceptsGzip: Bool
        let reply: Reply
    }

    package func answer(
        _ target: String, range: ClosedRange<Int64>? = nil, acceptsGzip: Bool, ticket: Int, reply: @escaping Reply
    ) {
        let path = target.prefix { $0 != "?" }
        let query = String(target.dropFirst(path.count + 1))
        let steps = path.split(separator: "/").map(String.init)
        let visit = visits[target, default: 0] + 1
        visits[target] = visit
        guard let fault = steps.first.flatMap({ faults[$0] }), let source = sources[fault.source] else {
            return reply(Self.head(404), .whole(ByteBuffer()))
        }
        let call = Call(ticket: ticket, range: range, fault: fault, acceptsGzip: acceptsGzip, reply: reply)
        let name = steps.count > 2 ? steps[1] : ""
        var context = FaultContext(
            kind: .multivariant, rendition: name, query: query, visit: visit, sequence: 0,
            timeline: source.renditions[name]?.timeline)
        if steps.count == 2, steps[1] == "index.m3u8" {
            return playlist(fault.text(Self.multivariant, context), call, context)
        }
        guard steps.count >= 3, let rendition = source.renditions[name] else {
            return refuse(404, "no such rendition", call, context)
        }
        if steps[2] == "playlist.m3u8" {
            context.kind = .playlist
            context.sequence = rendition.timeline.mediaSequence
            reload(rendition, call, context)
        } else {
            media(rendition, steps.dropFirst(2).joined(separator: "/"), call, context)
        }
    }

    private func reload(_ rendition: LiveSource.Rendition, _ call: Call, _ context: FaultContext) {
        let directives: DeliveryDirectives
        do {
            directives = try DeliveryDirectives.parse(query: context.query.utf8)
        } catch {
            return refuse(400, "\(error)", call, context)
        }
        let answer = { [self] in write(directives.skip, call, context) }
        switch call.fault.decision(directives, context) {
        case .now: return answer()
        case .refuse(let status): return refuse(status, "a fault", call, context)
        case .at(let target): return park(call, context.rendition, target, answer)
        case .usual: break
        }
        switch rendition.timeline.decide(directives) {
        case .ready: answer()
        case .hold(let target): park(call, context.rendition, target, answer)
        case .badRequest(let reason): refuse(400, reason, call, context)
        }
    }

    private func park(_ call: Call, _ rendition: String, _ target: HoldTarget, _ answer: @escaping () -> Void) {
        parked.append(
            Parked(
                ticket: call.ticket, source: call.fault.source, rendition: rendition, target: target, answer: answer))
    }

    /// The playlist as it stands now.
    private func write(_ skip: SkipRequest?, _ call: Call, _ context: FaultContext) {
        guard let source = sources[call.fault.source], let rendition = source.renditions[context.rendition] else {
            return
        }
        let other = context.rendition == "video" ? "audio" : "video"
        let reports = source.renditions[other]?.timeline.position.map {
            [RenditionReport(uri: "../\(other)/playlist.m3u8", position: $0)]
        }
        var buffer = ByteBuffer()
        rendition.timeline.write(delta: skip, reports: reports ?? [], into: &buffer)
        var now = context
        now.timeline = rendition.timeline
        now.sequence = rendition.timeline.mediaSequence
        now.sizes = rendition.parts.mapValues(\.readableBytes)
        playlist(call.fault.text(String(buffer: buffer), now), call, now)
    }

    private func media(_ rendition: LiveSource.Rendition, _ name: String, _ call: Call, _ context: FaultContext) {
        if let range = call.range, let bytes = rendition.bytes(of: name, in: range) {
            return send(bytes, call, context)
        }
        let found = rendition.timeline.media(name)
        var context = context
        switch found {
        case .initSection: context.kind = .initSection
        case .segment(let sequence): (context.kind, context.sequence) = (.segment, sequence)
        case .part(let place): (context.kind, context.sequence) = (.part, place.sequence)
        case .hinted(let place, _):
            (context.kind, context.sequence) = (.part, place.sequence)
            context.isHinted = true
        case .gone, .unknown: context.kind = .refusal
        }
        switch call.fault.media(context) {
        case .now: return send(ByteBuffer(), call, context)
        case .refuse(let status): return refuse(status, "a fault", call, context)
        case .usual, .at: break
        }
        switch found {
        case .initSection: send(rendition.initSection, call, context)
        case .segment(let sequence): send(rendition.segment(sequence) ?? ByteBuffer(), call, context)
        case .part(let place):
            guard let part = rendition.parts[place] else { return refuse(404, "gone", call, context) }
            send(part, call, context)
        case .hinted(let place, let target):
            let (name, source) = (context.rendition, call.fault.source)
            park(call, name, target) { [self] in
                guard let part = sources[source]?.renditions[name]?.parts[place] else {
                    return refuse(404, "it did not come", call, context)
                }
                guard call.fault.isTrickled else { return send(part, call, context) }
                call.reply(Self.mediaHead(name), .trickled(Self.pieces(of: part, count: 5)))
            }
        case .gone, .unknown: refuse(404, "no such media", call, context)
        }
    }

    // MARK: Answers

    private func playlist(_ text: String, _ call: Call, _ context: FaultContext) {
        var head = Self.head(200)
        head.fields.append("content-type", "application/vnd.apple.mpegurl")
        head.fields.append("cache-control", context.isBlocking ? "max-age=12" : "max-age=1")
        head.fields.append("priority", "u=1")
        if call.acceptsGzip { head.fields.append("content-encoding", "gzip") }
        call.fault.head(&head, context)
        let isPacked = head.fields.contains("content-encoding")
        let body = ByteBuffer(string: text)
        call.reply(head, .whole(isPacked ? Gzip.compress(body) : body))
    }

    private func send(_ bytes: ByteBuffer, _ call: Call, _ context: FaultContext) {
        var head = Self.mediaHead(context.rendition)
        call.fault.head(&head, context)
        call.reply(head, .whole(call.fault.bytes(bytes, context)))
    }

    private func refuse(_ status: UInt16, _ why: String, _ call: Call, _ context: FaultContext) {
        var head = Self.head(status)
        head.fields.append("cache-control", "no-store")
        head.fields.append("content-type", "text/plain")
        call.fault.head(&head, context)
        call.reply(head, .whole(ByteBuffer(string: why)))
    }

    private static func pieces(of bytes: ByteBuffer, count: Int) -> [ByteBuffer] {
        var rest = bytes
        var pieces: [ByteBuffer] = []
        let size = max(1, bytes.readableBytes / count)
        while pieces.count < count - 1, let piece = rest.readSlice(length: size) { pieces.append(piece) }
        return pieces + [rest]
    }

    private static func mediaHead(_ rendition: String) -> ResponseHead {
        var head = head(200)
        head.fields.append("content-type", rendition == "audio" ? "audio/mp4" : "video/mp4")
        head.fields.append("cache-control", "max-age=3600, immutable")
        head.fields.append("priority", "u=3")
        return head
    }

    private static func head(_ status: UInt16) -> ResponseHead {
        var head = ResponseHead(status: status)
        head.fields.append("access-control-allow-origin", "*")
        head.fields.append("access-control-expose-headers", "Age, Date, Content-Length")
        return head
    }

    private static let multivariant = """
        #EXTM3U
        #EXT-X-VERSION:6
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="Main",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="audio/playlist.m3u8"
        #EXT-X-STREAM-INF:BANDWIDTH=200000,AVERAGE-BANDWIDTH=180000,CODECS="avc1.64000c,mp4a.40.2",RESOLUTION=320x180,\
        FRAME-RATE=20.000,VIDEO-RANGE=SDR,AUDIO="a",CLOSED-CAPTIONS=NONE
        video/playlist.m3u8

        """
}
