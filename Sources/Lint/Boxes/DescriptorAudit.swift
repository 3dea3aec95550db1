import struct NIOCore.ByteBuffer

/// Descriptors of MPEG-4 systems: an ES_Descriptor around a DecoderConfigDescriptor around the decoder's own (ISO 14496-1, 7.2.6).
extension BoxAudit {
    private static let names: [UInt8: String] = [
        3: "ES_Descriptor", 4: "DecoderConfigDescriptor", 5: "DecoderSpecificInfo", 6: "SLConfigDescriptor",
    ]

    mutating func audit(elementaryStream box: Entry) {
        guard var rest = full(box, upTo: 0)?.rest else { return }
        guard rest.readableBytes > 0 else { return fault(box.path, "no ES_Descriptor") }
        guard let stream = descriptor(from: &rest, of: box) else { return }
        guard stream.tag == 3 else { return fault(box.path, "\(Self.name(stream.tag)) where ES_Descriptor stands") }
        if rest.readableBytes > 0 { fault(box.path, "\(rest.readableBytes) bytes follow the ES_Descriptor") }
        var fields = stream.body
        guard fields.skip(2), let flags = fields.readInteger(as: UInt8.self), flags & 0x80 == 0 || fields.skip(2),
            flags & 0x40 == 0 || fields.readInteger(as: UInt8.self).map({ fields.skip(Int($0)) }) == true,
            flags & 0x20 == 0 || fields.skip(2)
        else { return fault(box.path, "the ES_Descriptor ends within its fields") }
        var hasDecoder = false
        while fields.readableBytes > 0 {
            guard let inner = descriptor(from: &fields, of: box) else { return }
            guard inner.tag == 4 else { continue }
            hasDecoder = true
            audit(decoder: inner.body, of: box)
        }
        if !hasDecoder { fault(box.path, "the ES_Descriptor has no DecoderConfigDescriptor") }
    }

    private mutating func audit(decoder: ByteBuffer, of box: Entry) {
        var rest = decoder
        guard let object = rest.readInteger(as: UInt8.self), rest.skip(12) else {
            return fault(box.path, "the DecoderConfigDescriptor ends within its fields")
        }
        var specific: ByteBuffer?
        while rest.readableBytes > 0 {
            guard let inner = descriptor(from: &rest, of: box) else { return }
            guard inner.tag == 5 else { continue }
            if specific != nil { fault(box.path, "a second DecoderSpecificInfo") }
            specific = inner.body
        }
        // AAC of ISO 14496-3 cannot be decoded without its AudioSpecificConfig.
        guard object == 0x40 else { return }
        guard let specific else { return fault(box.path, "no DecoderSpecificInfo") }
        if AudioSpecificConfig(specific) == nil { fault(box.path, "its AudioSpecificConfig cannot be read") }
    }

    /// A descriptor's tag and body; nil where it states more than there is.
    private mutating func descriptor(from rest: inout ByteBuffer, of box: Entry) -> (tag: UInt8, body: ByteBuffer)? {
        guard let tag = rest.readInteger(as: UInt8.self) else { return nil }
        var length = 0
        var bytes = 0
        while true {
            guard bytes < 4, let byte = rest.readInteger(as: UInt8.self) else {
                fault(box.path, "\(Self.name(tag)) ends within its length")
                return nil
            }
            length = length << 7 | Int(byte & 0x7f)
            bytes += 1
            if byte & 0x80 == 0 { break }
        }
        guard let body = rest.readSlice(length: length) else {
            fault(box.path, "\(Self.name(tag)) states \(length) bytes, \(rest.readableBytes) follow")
            return nil
        }
        return (tag, body)
    }

    private static func name(_ tag: UInt8) -> String { names[tag] ?? "descriptor \(tag)" }
}
