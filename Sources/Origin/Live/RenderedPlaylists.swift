import Compression
import HLS
import NIOCore
import Wire

/// The texts of one rendition's playlist in its present state, each made when it is first asked for and at most once.
///
/// What earlier states have in common with this one is neither written nor compressed again.
package struct RenderedPlaylists {
    private var ready: [PlaylistForm: ResponseBody] = [:]
    /// Compressed stretches of the last state, those of the whole playlist and those of the delta.
    private var compressed: [Bool: [SettledPiece.Key: DeflatedBlock]] = [:]

    /// Texts up to this size are one buffer, compressed as a whole: that is smaller and takes one system call.
    private static let wholeBytes = 16 * 1024

    package init() {}

    /// Another state has begun.
    package mutating func invalidate() { ready.removeAll(keepingCapacity: true) }

    package mutating func body(
        _ form: PlaylistForm, of timeline: LiveTimeline, reports: @autoclosure () -> [RenditionReport]
    ) -> ResponseBody {
        // There are no date ranges: both kinds of delta are the same text.
        let form = PlaylistForm(skip: form.skip == nil ? nil : .segments, isGzipped: form.isGzipped)
        if let body = ready[form] { return body }
        let pieces = timeline.pieces(delta: form.skip, reports: reports())
        let body: ResponseBody
        if pieces.count <= Self.wholeBytes {
            var text = ByteBuffer()
            text.reserveCapacity(pieces.count)
            text.writeImmutableBuffer(pieces.head)
            for piece in pieces.settled { text.writeImmutableBuffer(piece.text) }
            text.writeImmutableBuffer(pieces.live)
            body = .bytes(form.isGzipped ? Gzip.compress(text) : text)
        } else if form.isGzipped {
            body = .slices(compress(pieces, isDelta: form.skip != nil))
        } else {
            body = .slices([pieces.head] + pieces.settled.map(\.text) + [pieces.live])
        }
        ready[form] = body
        return body
    }

    private mutating func compress(_ pieces: PlaylistPieces, isDelta: Bool) -> [ByteBuffer] {
        let known = compressed[isDelta] ?? [:]
        var kept: [SettledPiece.Key: DeflatedBlock] = [:]
        var blocks = [Gzip.block(pieces.head)]
        for piece in pieces.settled {
            let block = known[piece.key] ?? Gzip.block(piece.text)
            kept[piece.key] = block
            blocks.append(block)
        }
        blocks.append(Gzip.block(pieces.live))
        compressed[isDelta] = kept
        return Gzip.member(blocks)
    }
}
