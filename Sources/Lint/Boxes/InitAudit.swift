import struct NIOCore.ByteBuffer

/// Init sections: `ftyp` and `moov` (ISO 14496-12, 8.2 to 8.8).
extension BoxAudit {
    init(initSection bytes: ByteBuffer) {
        self.init()
        let top = boxes(in: bytes)
        let brand = top.firstIndex { $0.type == "ftyp" }
        let movie = top.firstIndex { $0.type == "moov" }
        if let brand { audit(brands: top[brand]) }
        guard let movie else { return }
        audit(movie: top[movie])
        if brand.map({ $0 > movie }) ?? true { deviation("file", "no ftyp stands before its moov") }
        if top.contains(where: { $0.type == "moof" || $0.type == "mdat" }) {
            deviation("file", "an init section holds no samples")
        }
    }

    private mutating func audit(brands box: Entry) {
        var rest = box.body
        guard rest.readableBytes >= 8, rest.readableBytes % 4 == 0 else {
            return fault(box.path, "\(rest.readableBytes) bytes are no list of brands")
        }
        var brands: Set<String> = []
        if let major = rest.readString(length: 4), rest.skip(4) { brands.insert(major) }
        while let brand = rest.readString(length: 4) { brands.insert(brand) }
        let fitting = brands.contains { brand in
            // 3.1.2: iso6 or higher; the structural brands of CMAF imply it (ISO 23000-19, 7.2).
            brand.hasPrefix("iso") && brand.dropFirst(3).first.map { "6789abc".contains($0) } == true
                || brand.hasPrefix("cmf")
        }
        if !fitting { deviation(box.path, "no brand of iso6 or higher among \(brands.sorted())") }
    }

    private mutating func audit(movie: Entry) {
        let inner = boxes(in: movie)
        var tracks: [UInt32] = []
        for box in inner {
            switch box.type {
            case "mvhd": auditHeader(box, sizes: (100, 112), timescaleAt: (12, 20), durationAt: (16, 24))
            case "trak":
                guard let id = audit(track: box) else { continue }
                if tracks.contains(id) { fault(box.path, "another track has the id \(id)") }
                tracks.append(id)
            default: break
            }
        }
        guard let extends = inner.first(where: { $0.type == "mvex" }) else { return }
        var extended: [UInt32] = []
        for box in boxes(in: extends) {
            switch box.type {
            case "trex":
                guard var head = full(box, upTo: 0), expect(box, bytes: 24) else { continue }
                if let id = head.rest.readInteger(as: UInt32.self) { extended.append(id) }
            case "mehd":
                if let head = full(box, upTo: 1) { expect(box, bytes: head.version == 1 ? 12 : 8) }
            default: break
            }
        }
        for id in tracks where !extended.contains(id) { fault(extends.path, "track \(id) has no trex") }
    }

    /// A header box with a timescale and a duration, each for version 0 and version 1. Offsets count from the version.
    private mutating func auditHeader(
        _ box: Entry, sizes: (Int, Int), timescaleAt: (Int, Int)?, durationAt: (Int, Int)?
    ) {
        guard let head = full(box, upTo: 1) else { return }
        let isLong = head.version == 1
        guard expect(box, bytes: isLong ? sizes.1 : sizes.0) else { return }
        let start = box.body.readerIndex
        if let timescaleAt,
            box.body.getInteger(at: start + (isLong ? timescaleAt.1 : timescaleAt.0), as: UInt32.self) == 0
        {
            fault(box.path, "a timescale of 0")
        }
        guard let durationAt else { return }
        let duration =
            isLong
            ? box.body.getInteger(at: start + durationAt.1, as: UInt64.self)
            : box.body.getInteger(at: start + durationAt.0, as: UInt32.self).map { UInt64($0) }
        if let duration, duration != 0 { deviation(box.path, "a duration of \(duration), not 0") }
    }

    /// Returns the track's id.
    private mutating func audit(track: Entry) -> UInt32? {
        var id: UInt32?
        for box in boxes(in: track) {
            switch box.type {
            case "tkhd":
                auditHeader(box, sizes: (84, 96), timescaleAt: nil, durationAt: (20, 28))
                let isLong = box.body.getInteger(at: box.body.readerIndex, as: UInt8.self) == 1
                id = box.body.getInteger(at: box.body.readerIndex + (isLong ? 20 : 12), as: UInt32.self)
                if id == 0 { fault(box.path, "a track id of 0") }
            case "edts":
                for list in boxes(in: box) where list.type == "elst" {
                    table(list, entry: { $0 == 1 ? 20 : 12 }, upTo: 1)
                }
            case "mdia": audit(media: box)
            default: break
            }
        }
        return id
    }

    private mutating func audit(media: Entry) {
        let inner = boxes(in: media)
        var handler = ""
        for box in inner {
            switch box.type {
            // The duration of a track's media is free.
            case "mdhd": auditHeader(box, sizes: (24, 36), timescaleAt: (12, 20), durationAt: nil)
            case "hdlr":
                guard var head = full(box, upTo: 0) else { continue }
                if head.flags != 0 { fault(box.path, "flags of \(head.flags)") }
                guard head.rest.skip(4), let type = head.rest.readString(length: 4), head.rest.skip(12) else {
                    fault(box.path, "it ends before its name")
                    continue
                }
                handler = type
            default: break
            }
        }
        for box in inner where box.type == "minf" {
            let information = boxes(in: box)
            var references = 1
            for inner in information {
                switch inner.type {
                case "vmhd": if full(inner, upTo: 0) != nil { expect(inner, bytes: 12) }
                case "smhd": if full(inner, upTo: 0) != nil { expect(inner, bytes: 8) }
                case "dinf":
                    for list in boxes(in: inner) where list.type == "dref" { references = audit(references: list) }
                default: break
                }
            }
            for inner in information where inner.type == "stbl" {
                audit(sampleTable: inner, handler: handler, references: references)
            }
        }
    }

    private mutating func audit(references box: Entry) -> Int {
        guard var head = full(box, upTo: 0) else { return 0 }
        guard let count = head.rest.readInteger(as: UInt32.self) else {
            fault(box.path, "it ends before its count")
            return 0
        }
        let entries = boxes(in: head.rest, at: box.bodyStart + 8, of: box.path)
        if entries.count != Int(count) { fault(box.path, "it states \(count) entries and has \(entries.count)") }
        for entry in entries {
            guard let head = full(entry, upTo: 0) else { continue }
            if head.flags & 1 == 0 { deviation(entry.path, "the media is said to be in another file") }
        }
        return entries.count
    }

    private mutating func audit(sampleTable: Entry, handler: String, references: Int) {
        for box in boxes(in: sampleTable) {
            let count: Int?
            switch box.type {
            case "stsd":
                audit(descriptions: box, handler: handler, references: references)
                continue
            case "stts", "ctts": count = table(box, entry: { _ in 8 }, upTo: box.type == "ctts" ? 1 : 0)
            case "stsc": count = table(box, entry: { _ in 12 })
            case "stco", "stss": count = table(box, entry: { _ in 4 })
            case "co64": count = table(box, entry: { _ in 8 })
            case "stsz": count = auditSizes(box)
            default: continue
            }
            if let count, count > 0 { deviation(box.path, "\(count) entries, where an init section has no samples") }
        }
    }

    private mutating func auditSizes(_ box: Entry) -> Int? {
        guard var head = full(box, upTo: 0) else { return nil }
        guard let size = head.rest.readInteger(as: UInt32.self), let count = head.rest.readInteger(as: UInt32.self)
        else {
            fault(box.path, "it ends before its count")
            return nil
        }
        let needed = size == 0 ? UInt64(count) * 4 : 0
        if UInt64(head.rest.readableBytes) != needed {
            fault(box.path, "\(count) entries take \(needed) bytes, \(head.rest.readableBytes) are there")
        }
        return Int(count)
    }
}
