import Cache
import Compression
import HLS
import HTTP
import Media
import NIOCore
import Node
import Relay
import Wire

/// Turns what publishers bring into pushes: each init section, part and playlist state under its canonical key.
final class ChannelPush: PushSource {
    weak var hub: ChannelHub?
    let desk = PushDesk()

    init() { desk.source = self }

    // MARK: What comes to be

    /// A presentation has taken in `events`, or has ended when there are none.
    func changed(_ presentation: Presentation, _ events: [PackagerEvent]) {
        let channel = presentation.channel
        let wanted = desk.wanted(of: channel)
        guard !wanted.isEmpty else { return }
        var touched: Set<MediaKind> = []
        var segmentEnded = events.isEmpty
        for event in events {
            guard let kind = event.kind, let rendition = presentation.rendition(of: kind) else { continue }
            touched.insert(kind)
            switch event {
            case .track(let section):
                desk.publish(self.section(section.number, section.bytes, rendition, presentation), channel: channel)
            case .part(let part):
                let position = MediaPosition(sequence: part.sequence, part: part.index)
                desk.publish(self.part(position, part.bytes, rendition, presentation), channel: channel)
            case .segmentEnd: segmentEnded = true
            case .segment, .gap, .discontinuity, .line, .warning, .refused: break
            }
        }
        for rendition in presentation.renditions
        where (events.isEmpty || touched.contains(rendition.kind)) && wanted.contains(rendition.id.rawValue) {
            for state in states(of: rendition, presentation) { desk.publish(state, channel: channel) }
        }
        guard segmentEnded else { return }
        for multivariant in multivariants(channel: channel) { desk.publish(multivariant, channel: channel) }
    }

    // MARK: What there is

    func offers(channel: String, to exchange: Exchange) -> Bool { hub?.channel(channel) != nil }

    func subscribed(to channel: String, renditions: Set<String>) {}

    func multivariants(channel: String) -> [RelayObject] {
        guard let presentation = hub?.channel(channel)?.presentation, presentation.isPlayable else { return [] }
        let text = presentation.multivariant()
        return [false, true].map { isGzipped in
            object(
                .multivariant(isGzipped: isGzipped), rendition: nil, target: HTTPBytes("/live/\(channel)/index.m3u8"),
                presentation.heads.playlist(isBlocking: false, isGzipped: isGzipped),
                .bytes(isGzipped ? Gzip.compress(text) : text))
        }
    }

    func snapshot(channel: String, rendition name: String, after held: RelayRequest.Held?) -> [RelayObject] {
        guard let presentation = hub?.channel(channel)?.presentation,
            let rendition = presentation.rendition(named: name[...]), rendition.hasMedia
        else { return [] }
        var objects: [RelayObject] = []
        var sections: Set<Int> = []
        let timeline = rendition.timeline
        let after = held.flatMap { $0.epoch == presentation.epoch ? $0.position : nil }
        for segment in timeline.segmentsWithParts {
            if sections.insert(segment.initNumber).inserted, let bytes = rendition.initSection(segment.initNumber) {
                objects.append(section(segment.initNumber, bytes, rendition, presentation))
            }
            for index in segment.parts.indices where !segment.parts[index].isGap {
                let position = MediaPosition(sequence: segment.sequence, part: index)
                if let after, position <= after { continue }
                guard let bytes = rendition.recentPart(position) else { continue }
                objects.append(part(position, bytes, rendition, presentation))
            }
        }
        return objects + states(of: rendition, presentation)
    }

    /// The texts of the present state; the plain and whole one, which a receiver reads, comes last.
    private func states(of rendition: LiveRendition, _ presentation: Presentation) -> [RelayObject] {
        guard let position = rendition.timeline.position else { return [] }
        var forms = [PlaylistForm(skip: nil, isGzipped: true)]
        if rendition.timeline.hasDelta {
            forms += [PlaylistForm(skip: .segments, isGzipped: false), PlaylistForm(skip: .segments, isGzipped: true)]
        }
        forms.append(PlaylistForm(skip: nil, isGzipped: false))
        return forms.map { form in
            object(
                .state(revision: rendition.revision, form), rendition: rendition.id.rawValue,
                target: RelayObject.stateTarget(
                    channel: presentation.channel, rendition: rendition.id.rawValue, position: position, form: form),
                presentation.heads.playlist(isBlocking: true, isGzipped: form.isGzipped),
                presentation.playlist(form, of: rendition))
        }
    }

    private func section(
        _ number: Int, _ bytes: ByteBuffer, _ rendition: LiveRendition, _ presentation: Presentation
    ) -> RelayObject {
        object(
            .initSection, rendition: rendition.id.rawValue,
            target: target(.initSection(number), rendition, presentation),
            presentation.mediaHead(of: rendition), .bytes(bytes))
    }

    private func part(
        _ position: MediaPosition, _ bytes: ByteBuffer, _ rendition: LiveRendition, _ presentation: Presentation
    ) -> RelayObject {
        object(
            .part(epoch: presentation.epoch, position), rendition: rendition.id.rawValue,
            target: target(.part(position.sequence, position.part), rendition, presentation),
            presentation.mediaHead(of: rendition), .bytes(bytes))
    }

    private func target(_ name: MediaName, _ rendition: LiveRendition, _ presentation: Presentation) -> HTTPBytes {
        HTTPBytes("/live/\(presentation.channel)/\(rendition.id.rawValue)/\(presentation.epoch)/\(name.file)")
    }

    private func object(
        _ kind: RelayObject.Kind, rendition: String?, target: HTTPBytes, _ head: ResponseHead, _ body: ResponseBody
    ) -> RelayObject {
        RelayObject(
            kind, rendition: rendition, target: target, head: head, body: SharedBody(whole: body.pieces), at: .now)
    }
}

extension ResponseBody {
    /// Its pieces, where all of it is there.
    fileprivate var pieces: [ByteBuffer] {
        switch self {
        case .bytes(let bytes): [bytes]
        case .slices(let slices): slices
        case .none, .stream: []
        }
    }
}
