import Cache
import HLS
import HTTP

/// One thing that is pushed: its canonical key, its head and its body, which may still grow.
///
/// It is addressed as track, group and object are: rendition, segment and part.
package final class RelayObject {
    package enum Kind: Equatable, Sendable {
        case multivariant(isGzipped: Bool)
        case initSection
        case part(epoch: String, MediaPosition)
        /// One text of a playlist's state. Revisions of a rendition rise with every change, restarts included.
        case state(revision: UInt64, PlaylistForm)
    }

    package let kind: Kind
    /// Nil for the multivariant playlist.
    package let rendition: String?
    /// The canonical key: path and query as caches know it.
    package let target: HTTPBytes
    package internal(set) var head: ResponseHead
    /// False while nothing but its promise has come.
    package internal(set) var hasBegun = true
    package let body: SharedBody
    /// What viewers are answered, made once.
    package var served: StoredResponse?
    /// The same for a playlist that was asked for without directives, whose lifetime is another.
    package var servedPlain: StoredResponse?
    /// When the whole of it was there, for Age; until then, when it began.
    package internal(set) var arrivedAt: ContinuousClock.Instant

    package init(
        _ kind: Kind, rendition: String?, target: HTTPBytes, head: ResponseHead, body: SharedBody,
        at now: ContinuousClock.Instant
    ) {
        self.kind = kind
        self.rendition = rendition
        self.target = target
        self.head = head
        self.body = body
        arrivedAt = now
    }

    package var isGzipped: Bool {
        switch kind {
        case .multivariant(let isGzipped): isGzipped
        case .state(_, let form): form.isGzipped
        case .initSection, .part: false
        }
    }

    /// The request that the push is promised as.
    package var promise: RequestHead {
        var request = RequestHead(target: target)
        if isGzipped { request.fields.append("accept-encoding", "gzip") }
        if case .state(let revision, _) = kind { request.fields.append(Self.revisionField, "\(revision)") }
        return request
    }

    static let revisionField: StaticString = "needletail-revision"

    /// What a promise is of, or nil when it is of nothing that a relay of `channel` may push.
    package static func kind(of promise: RequestHead, channel: String) -> (kind: Kind, rendition: String?)? {
        guard let (name, target) = LiveTarget.read(path: promise.path), name == channel else { return nil }
        let isGzipped = promise.fields.first("accept-encoding")?.isEqual(to: "gzip") ?? false
        switch target {
        case .multivariant:
            return promise.query == nil ? (.multivariant(isGzipped: isGzipped), nil) : nil
        case .media(let rendition, _, .initSection):
            return promise.query == nil ? (.initSection, rendition) : nil
        case .media(let rendition, let epoch, .part(let sequence, let part)):
            guard promise.query == nil else { return nil }
            return (.part(epoch: epoch, MediaPosition(sequence: sequence, part: part)), rendition)
        case .media(_, _, .segment):
            return nil
        case .playlist(let rendition):
            guard let revision = promise.fields.first(revisionField)?.decimalValue,
                let directives = try? DeliveryDirectives.parse(query: promise.query ?? [])
            else { return nil }
            let form = PlaylistForm(skip: directives.skip == nil ? nil : .segments, isGzipped: isGzipped)
            return (.state(revision: UInt64(revision), form), rendition)
        }
    }

    /// The canonical target of a playlist's state: what a client asks for that waits for its last part.
    package static func stateTarget(
        channel: String, rendition: String, position: MediaPosition, form: PlaylistForm
    ) -> HTTPBytes {
        let skip = form.skip == nil ? "" : "&_HLS_skip=YES"
        return HTTPBytes(
            "/live/\(channel)/\(rendition)/playlist.m3u8?_HLS_msn=\(position.sequence)&_HLS_part=\(position.part)\(skip)"
        )
    }
}
