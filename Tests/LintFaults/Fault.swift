import HLS
import HTTP
import NIOCore

/// What a request is for, as a fault sees it.
package struct FaultContext {
    package enum Kind { case multivariant, playlist, initSection, part, segment, refusal }

    var kind: Kind
    /// `video` or `audio`; empty for the multivariant playlist.
    let rendition: String
    let query: String
    /// How often this very target was asked for, this time included.
    let visit: Int
    /// Of the segment or part, or of the first segment listed.
    var sequence: Int64
    var timeline: LiveTimeline?
    /// Bytes of each part that there is.
    var sizes: [MediaPosition: Int] = [:]
    /// The part is hinted and not listed yet.
    var isHinted = false

    var isDelta: Bool { query.contains("_HLS_skip") }
    var isBlocking: Bool { query.contains("_HLS_msn") }
    /// The query breaks 6.2.5.
    var isMalformed: Bool { (try? DeliveryDirectives.parse(query: query.utf8)) == nil }
}

/// A deliberate mistake of a server, and the rule under which a lint must find it.
package struct Fault: Sendable, CustomStringConvertible {
    package enum Decision { case usual, at(HoldTarget), now, refuse(UInt16) }

    package let name: String
    /// The rule that it breaks; nil where it breaks none.
    package let rule: LintRuleName?
    /// Rules that follow from it of necessity.
    package var implied: Set<String> = []
    /// Watched as a presentation of both renditions, not as one media playlist.
    package var needsBoth = false
    package var source = Source.steady

    /// Which publish it lies over.
    package enum Source: String, Sendable, CaseIterable { case steady, stalling, ending }

    var text: @Sendable (String, FaultContext) -> String = { text, _ in text }
    var bytes: @Sendable (ByteBuffer, FaultContext) -> ByteBuffer = { bytes, _ in bytes }
    var head: @Sendable (inout ResponseHead, FaultContext) -> Void = { _, _ in }
    var decision: @Sendable (DeliveryDirectives, FaultContext) -> Decision = { _, _ in .usual }
    var media: @Sendable (FaultContext) -> Decision = { _ in .usual }
    var isTrickled = false

    init(_ name: String, _ rule: LintRuleName?, _ change: (inout Fault) -> Void = { _ in }) {
        self.name = name
        self.rule = rule
        change(&self)
    }

    package var description: String { name }

    /// Reports on the other rendition as if it stood elsewhere, that many segments from this one.
    mutating func report(sequencesAhead: Int64) {
        lines { line, context in
            guard line.hasPrefix("#EXT-X-RENDITION-REPORT"), let position = context.timeline?.position else {
                return line
            }
            let other = context.rendition == "video" ? "audio" : "video"
            return "#EXT-X-RENDITION-REPORT:URI=\"../\(other)/playlist.m3u8\","
                + "LAST-MSN=\(position.sequence + sequencesAhead),LAST-PART=0"
        }
    }

    /// Replaces a header field of every answer of some kinds.
    mutating func setField(
        _ name: StaticString, _ value: String?, where applies: @escaping @Sendable (FaultContext, UInt16) -> Bool
    ) {
        head = { head, context in
            guard applies(context, head.status) else { return }
            head.fields.remove(name)
            if let value { head.fields.append(name, value) }
        }
    }

    /// Replaces text in every playlist of some kinds.
    mutating func replace(
        _ old: String, _ new: String, where applies: @escaping @Sendable (FaultContext) -> Bool = { _ in true }
    ) {
        text = { text, context in
            applies(context)
                ? text.split(separator: old, omittingEmptySubsequences: false).joined(separator: new) : text
        }
    }

    /// Changes each line of playlists.
    mutating func lines(_ change: @escaping @Sendable (String, FaultContext) -> String?) {
        text = { text, context in
            text.split(separator: "\n").compactMap { change(String($0), context) }.joined(separator: "\n") + "\n"
        }
    }
}

/// By name, whichever of the two kinds it is.
package typealias LintRuleName = String
