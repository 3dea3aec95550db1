import struct NIOCore.ByteBuffer

/// Fragments: `moof` and `mdat` of a part or a segment (ISO 14496-12, 8.8 and 8.16).
extension BoxAudit {
    /// - Parameter header: of its init section, which may say how large samples are.
    init(fragments bytes: ByteBuffer, header: InitHeader) {
        self.init()
        let top = boxes(in: bytes)
        let media = top.filter { $0.type == "mdat" }
            .map { $0.bodyStart..<$0.bodyStart + $0.body.readableBytes }
        var runs: [Range<Int>] = []
        // Data about samples may lie in an mdat, too (8.7.9).
        var hasAuxiliary = false
        for (index, box) in top.enumerated() where box.type == "moof" {
            runs += audit(fragment: box, header: header, hasAuxiliary: &hasAuxiliary)
            let next = top[(index + 1)...].first { $0.type == "moof" || $0.type == "mdat" }
            if next?.type != "mdat" { fault(box.path, "no mdat follows it") }
        }
        for run in runs where !run.isEmpty {
            if !media.contains(where: { $0.lowerBound <= run.lowerBound && run.upperBound <= $0.upperBound }) {
                fault(
                    "moof/traf/trun",
                    "its samples take bytes \(run.lowerBound) to \(run.upperBound), which no mdat holds")
            }
        }
        let ordered = runs.filter { !$0.isEmpty }.sorted { $0.lowerBound < $1.lowerBound }
        for (run, next) in zip(ordered, ordered.dropFirst()) where next.lowerBound < run.upperBound {
            fault("moof/traf/trun", "bytes from \(next.lowerBound) on belong to two samples")
        }
        let (held, used) = (media.reduce(0) { $0 + $1.count }, runs.reduce(0) { $0 + $1.count })
        if faults.isEmpty, !hasAuxiliary, held > used { fault("mdat", "\(held) bytes for samples of \(used)") }
    }

    /// Returns where the samples of its runs lie in the file.
    private mutating func audit(
        fragment: Entry, header: InitHeader, hasAuxiliary: inout Bool
    ) -> [Range<Int>] {
        var runs: [Range<Int>] = []
        let inner = boxes(in: fragment)
        let headers = inner.filter { $0.type == "mfhd" }
        if headers.count != 1 { fault(fragment.path, "\(headers.count) mfhd") }
        for header in headers where full(header, upTo: 0) != nil { expect(header, bytes: 8) }
        let tracks = inner.filter { $0.type == "traf" }
        // Where one traf ended its data, the next goes on, unless offsets count from the moof (8.8.7).
        var end = fragment.start
        for track in tracks {
            let boxes = boxes(in: track)
            hasAuxiliary = hasAuxiliary || boxes.contains { $0.type == "saio" }
            guard let trackHeader = boxes.first(where: { $0.type == "tfhd" }) else {
                fault(track.path, "no tfhd")
                continue
            }
            guard let defaults = audit(trackHeader: trackHeader, header: header) else { continue }
            let times = boxes.filter { $0.type == "tfdt" }
            if times.count != 1 { fault(track.path, "\(times.count) tfdt") }
            for time in times {
                if let head = full(time, upTo: 1) { expect(time, bytes: head.version == 1 ? 12 : 8) }
            }
            if defaults.hasOffset || !defaults.isFromFragment && tracks.count > 1 {
                deviation(trackHeader.path, "data is not addressed from its moof")
            }
            let base = defaults.isFromFragment ? fragment.start : end
            var position = base
            for run in boxes where run.type == "trun" {
                guard let place = audit(run: run, size: defaults.size, base: base, position: position) else { break }
                // An offset into a whole file cannot be told here.
                if !defaults.hasOffset { runs.append(place) }
                position = place.upperBound
            }
            end = position
        }
        return runs
    }

    private struct TrackDefaults {
        /// Bytes of a sample whose run does not say.
        var size: UInt32
        /// Data is addressed by its place in a whole file.
        let hasOffset: Bool
        let isFromFragment: Bool
    }

    private mutating func audit(trackHeader box: Entry, header: InitHeader) -> TrackDefaults? {
        guard var head = full(box, upTo: 0) else { return nil }
        let taken = { (fields: [(UInt32, Int)]) in fields.reduce(0) { $0 + (head.flags & $1.0 != 0 ? $1.1 : 0) } }
        let before = taken([(0x1, 8), (0x2, 4), (0x8, 4)])
        let needed = 8 + before + taken([(0x10, 4), (0x20, 4)])
        guard expect(box, bytes: needed), let id = head.rest.readInteger(as: UInt32.self) else { return nil }
        var defaults = TrackDefaults(
            size: header.tracks.first { $0.id == id }?.defaultSize ?? 0, hasOffset: head.flags & 1 != 0,
            isFromFragment: head.flags & 0x2_0000 != 0)
        if head.flags & 0x10 != 0, head.rest.skip(before), let size = head.rest.readInteger(as: UInt32.self) {
            defaults.size = size
        }
        return defaults
    }

    /// Returns where its samples lie in the file.
    private mutating func audit(run box: Entry, size: UInt32, base: Int, position: Int) -> Range<Int>? {
        guard var head = full(box, upTo: 1) else { return nil }
        guard let count = head.rest.readInteger(as: UInt32.self), count <= Self.sampleLimit else {
            fault(box.path, "it ends before its count, or counts more than \(Self.sampleLimit)")
            return nil
        }
        let fields = [0x100, 0x200, 0x400, 0x800].filter { head.flags & UInt32($0) != 0 }
        let needed = 8 + (head.flags & 1 != 0 ? 4 : 0) + (head.flags & 4 != 0 ? 4 : 0) + Int(count) * fields.count * 4
        guard box.body.readableBytes == needed else {
            fault(box.path, "\(count) samples take \(needed) bytes, \(box.body.readableBytes) are there")
            return nil
        }
        var start = position
        if head.flags & 1 != 0 {
            guard let offset = head.rest.readInteger(as: Int32.self) else { return nil }
            start = base + Int(offset)
        }
        guard start >= 0, head.flags & 4 == 0 || head.rest.skip(4) else {
            fault(box.path, "its data begins before the file")
            return nil
        }
        var total = Int(size) * Int(count)
        if fields.contains(0x200) {
            total = 0
            for _ in 0..<count {
                for field in fields {
                    let value = head.rest.readInteger(as: UInt32.self) ?? 0
                    if field == 0x200 { total += Int(value) }
                }
            }
        }
        return start..<start + total
    }

    /// More samples than any run has.
    private static let sampleLimit: UInt32 = 1_000_000
}
