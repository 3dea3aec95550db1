import struct NIOCore.ByteBuffer

/// Sample descriptions: what a decoder is set up by (ISO 14496-12, 8.5.2 and 12; ISO 14496-14, -15; AV1 and Opus in ISOBMFF).
extension BoxAudit {
    /// The box that must stand in a sample entry, once, by the entry's format.
    private static let configurations = [
        "avc1": "avcC", "avc3": "avcC", "hvc1": "hvcC", "hev1": "hvcC", "av01": "av1C", "vp08": "vpcC", "vp09": "vpcC",
        "mp4a": "esds", "Opus": "dOps", "fLaC": "dfLa", "ac-3": "dac3", "ec-3": "dec3",
    ]

    mutating func audit(descriptions box: Entry, handler: String, references: Int) {
        guard var head = full(box, upTo: 1) else { return }
        if head.flags != 0 { fault(box.path, "flags of \(head.flags)") }
        guard let count = head.rest.readInteger(as: UInt32.self) else {
            return fault(box.path, "it ends before its count")
        }
        let entries = boxes(in: head.rest, at: box.bodyStart + 8, of: box.path)
        if entries.isEmpty || entries.count != Int(count) {
            fault(box.path, "it states \(count) entries and has \(entries.count)")
        }
        for entry in entries {
            var body = entry.body
            guard body.skip(6), let reference = body.readInteger(as: UInt16.self) else {
                fault(entry.path, "it ends within its fields")
                continue
            }
            if reference == 0 || Int(reference) > references {
                fault(entry.path, "data reference \(reference) of \(references)")
            }
            switch handler {
            case "vide", "auxv", "pict": audit(visual: entry, fields: body)
            case "soun": audit(audio: entry, fields: body, isVersioned: head.version == 1)
            default: break
            }
        }
    }

    private mutating func audit(visual entry: Entry, fields: ByteBuffer) {
        var rest = fields
        guard rest.skip(16), let width = rest.readInteger(as: UInt16.self),
            let height = rest.readInteger(as: UInt16.self), rest.skip(50)
        else { return fault(entry.path, "it ends within its fields") }
        if width == 0 || height == 0 { fault(entry.path, "pictures of \(width)x\(height)") }
        let boxes = configured(entry, by: rest, fixed: 78)
        var colours: Set<String> = []
        for box in boxes {
            switch box.type {
            case "avcC": audit(avc: box, isInBand: entry.type == "avc3")
            case "hvcC": audit(hevc: box, isInBand: entry.type == "hev1")
            case "av1C": audit(av1: box)
            case "pasp":
                guard expect(box, bytes: 8) else { continue }
                var rest = box.body
                let (across, down) = (rest.readInteger(as: UInt32.self), rest.readInteger(as: UInt32.self))
                if across == 0 || down == 0 { fault(box.path, "pixels of \(across ?? 0):\(down ?? 0)") }
            case "colr": audit(colour: box, seen: &colours)
            case "mdcv": expect(box, bytes: 24)
            case "clli": expect(box, bytes: 4)
            case "btrt": expect(box, bytes: 12)
            default: break
            }
        }
    }

    private mutating func audit(audio entry: Entry, fields: ByteBuffer, isVersioned: Bool) {
        var rest = fields
        guard let version = rest.readInteger(as: UInt16.self), rest.skip(18) else {
            return fault(entry.path, "it ends within its fields")
        }
        // Versions of QuickTime have more fields; that of ISO 14496-12, 12.2.3 has not.
        let more = isVersioned ? 0 : version == 1 ? 16 : version == 2 ? 36 : 0
        guard version <= 2, rest.skip(more) else { return fault(entry.path, "version \(version)") }
        for box in configured(entry, by: rest, fixed: 28 + more) {
            switch box.type {
            case "esds": audit(elementaryStream: box)
            case "dOps": audit(opus: box)
            case "dfLa": audit(flac: box)
            case "dac3": expect(box, bytes: 3)
            case "btrt": expect(box, bytes: 12)
            default: break
            }
        }
    }

    /// The boxes of an entry, with the judgement on whether its configuration is there once, and no other.
    private mutating func configured(_ entry: Entry, by bytes: ByteBuffer, fixed: Int) -> [Entry] {
        let found = boxes(in: bytes, at: entry.bodyStart + fixed, of: entry.path)
        let configurations = found.filter { Self.configurations.values.contains($0.type) }
        if let wanted = Self.configurations[entry.type] {
            if configurations.map(\.type) != [wanted] {
                fault(entry.path, "it needs one \(wanted), it has \(configurations.map(\.type))")
            }
        } else if entry.type == "encv" || entry.type == "enca" {
            if !found.contains(where: { $0.type == "sinf" }) { fault(entry.path, "encrypted without a sinf") }
            if configurations.count != 1 { fault(entry.path, "it has \(configurations.map(\.type))") }
        }
        return found
    }

    // MARK: Pictures

    private mutating func audit(colour box: Entry, seen: inout Set<String>) {
        var rest = box.body
        guard let type = rest.readString(length: 4) else { return fault(box.path, "it ends within its type") }
        if !seen.insert(type).inserted { fault(box.path, "another one of type \(type)") }
        guard type == "nclx" else { return }
        guard expect(box, bytes: 11), rest.skip(6), let range = rest.readInteger(as: UInt8.self) else { return }
        if range & 0x7f != 0 { fault(box.path, "reserved bits are set") }
    }

    private mutating func audit(avc box: Entry, isInBand: Bool) {
        var rest = box.body
        guard let version = rest.readInteger(as: UInt8.self), let profile = rest.readInteger(as: UInt8.self),
            rest.skip(2), let lengths = rest.readInteger(as: UInt8.self), let count = rest.readInteger(as: UInt8.self)
        else { return fault(box.path, "it ends within its fields") }
        if version != 1 { fault(box.path, "version \(version)") }
        if lengths & 3 == 2 { fault(box.path, "NAL lengths of 3 bytes") }
        let sets = Int(count & 31)
        if sets == 0, !isInBand { fault(box.path, "no sequence parameter set") }
        guard units(sets, in: &rest, of: box, type: { $0 & 31 }, expected: 7),
            let pictures = rest.readInteger(as: UInt8.self)
        else { return fault(box.path, "it ends within its parameter sets") }
        if pictures == 0, !isInBand { fault(box.path, "no picture parameter set") }
        guard units(Int(pictures), in: &rest, of: box, type: { $0 & 31 }, expected: 8) else {
            return fault(box.path, "it ends within its parameter sets")
        }
        // Fields of the High profiles, which old writers leave out (ISO 14496-15, 5.3.3.1.2).
        if [100, 110, 122, 144].contains(profile), rest.readableBytes > 0 {
            guard rest.skip(3), let extensions = rest.readInteger(as: UInt8.self),
                units(Int(extensions), in: &rest, of: box, type: { $0 & 31 }, expected: 13)
            else { return fault(box.path, "it ends within the fields of its profile") }
        }
        if rest.readableBytes > 0 { fault(box.path, "\(rest.readableBytes) bytes follow its fields") }
    }

    private mutating func audit(hevc box: Entry, isInBand: Bool) {
        var rest = box.body
        guard let version = rest.readInteger(as: UInt8.self), rest.skip(20),
            let lengths = rest.readInteger(as: UInt8.self),
            let arrays = rest.readInteger(as: UInt8.self)
        else { return fault(box.path, "it ends within its fields") }
        if version != 1 { fault(box.path, "version \(version)") }
        if lengths & 3 == 2 { fault(box.path, "NAL lengths of 3 bytes") }
        var seen: Set<UInt8> = []
        for _ in 0..<arrays {
            guard let head = rest.readInteger(as: UInt8.self), let count = rest.readInteger(as: UInt16.self),
                units(Int(count), in: &rest, of: box, type: { $0 >> 1 & 63 }, expected: head & 63)
            else { return fault(box.path, "it ends within its parameter sets") }
            if count > 0 { seen.insert(head & 63) }
        }
        if !isInBand, !seen.isSuperset(of: [32, 33, 34]) { fault(box.path, "a parameter set is missing") }
        if rest.readableBytes > 0 { fault(box.path, "\(rest.readableBytes) bytes follow its fields") }
    }

    /// NAL units with their lengths before them; false where they end too early.
    private mutating func units(
        _ count: Int, in rest: inout ByteBuffer, of box: Entry, type: (UInt8) -> UInt8, expected: UInt8
    ) -> Bool {
        for _ in 0..<count {
            guard let length = rest.readInteger(as: UInt16.self), let unit = rest.readSlice(length: Int(length)) else {
                return false
            }
            let found = unit.getInteger(at: unit.readerIndex, as: UInt8.self).map(type)
            if found != expected {
                fault(box.path, "a NAL unit of type \(found.map { "\($0)" } ?? "none") where \(expected) stands")
            }
        }
        return true
    }

    private mutating func audit(av1 box: Entry) {
        var rest = box.body
        guard let marker = rest.readInteger(as: UInt8.self), rest.skip(3) else {
            return fault(box.path, "it ends within its fields")
        }
        if marker != 0x81 { fault(box.path, "marker and version of \(marker), not 129") }
        while rest.readableBytes > 0 {
            // obu_has_size_field is 1 here (AV1 in ISOBMFF, 2.3.4).
            guard let head = rest.readInteger(as: UInt8.self), head & 0x81 == 0, head & 2 != 0,
                head & 4 == 0 || rest.skip(1), let size = rest.readLEB128(), rest.skip(size)
            else { return fault(box.path, "its OBUs are cut off") }
        }
    }

    // MARK: Sound

    private mutating func audit(opus box: Entry) {
        var rest = box.body
        guard let version = rest.readInteger(as: UInt8.self), let channels = rest.readInteger(as: UInt8.self),
            rest.skip(8), let family = rest.readInteger(as: UInt8.self)
        else { return fault(box.path, "it ends within its fields") }
        if version != 0 { fault(box.path, "version \(version)") }
        if channels == 0 || family == 0 && channels > 2 {
            fault(box.path, "\(channels) channels of mapping family \(family)")
        }
        expect(box, bytes: family == 0 ? 11 : 13 + Int(channels))
    }

    private mutating func audit(flac box: Entry) {
        guard var head = full(box, upTo: 0) else { return }
        if head.flags != 0 { fault(box.path, "flags of \(head.flags)") }
        var isFirst = true
        while head.rest.readableBytes > 0 {
            guard let word = head.rest.readInteger(as: UInt32.self), head.rest.skip(Int(word & 0xff_ffff)) else {
                return fault(box.path, "a metadata block is cut off")
            }
            if isFirst, word & 0x7fff_ffff != 34 { fault(box.path, "it does not begin with STREAMINFO") }
            isFirst = false
        }
        if isFirst { fault(box.path, "it holds no metadata") }
    }
}

extension ByteBuffer {
    /// A number in seven bits of each byte, the lowest first (AV1, 4.10.5). Nil where it is cut off or above 2^31.
    mutating func readLEB128() -> Int? {
        var value = 0
        for index in 0..<5 {
            guard let byte = readInteger(as: UInt8.self) else { return nil }
            value |= Int(byte & 0x7f) << (index * 7)
            if byte & 0x80 == 0 { return value <= 1 << 31 ? value : nil }
        }
        return nil
    }
}
