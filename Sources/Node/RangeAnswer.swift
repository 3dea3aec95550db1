import AccessLog
import HTTP
import NIOCore
import Wire

extension Exchange {
    /// Answers a request for a range of what `pieces` hold whole. `head` is that of a 200 with all of it.
    package func respond(
        _ range: ByteRange, of pieces: [ByteBuffer], head: ResponseHead, cache: CacheResult = .none
    ) {
        let length = pieces.reduce(0) { $0 + $1.readableBytes }
        var head = head
        switch range {
        case .unsatisfiable:
            head.becomeUnsatisfiable(of: length)
            respond(head, cache: cache)
        case .single(let bounds):
            head.becomePartial(bounds, of: length)
            respond(head, body: .slices(ByteRange.cut(pieces, to: bounds)), cache: cache)
        case .multiple(let ranges):
            let parts = MultipartRanges(
                of: head, length: length, boundary: "needletail-\(UInt64.random(in: .min ... .max))")
            head.status = 206
            head.fields.remove("content-length")
            head.fields.set("content-type", "multipart/byteranges; boundary=\(parts.boundary)")
            respond(head, body: .slices(parts.body(pieces, ranges)), cache: cache)
        }
    }
}
