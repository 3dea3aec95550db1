import Foundation
import Media
import NIOCore

/// One step of what a presentation listed, as its journal keeps it: the packager's event without the media's bytes.
enum MediaRecord: Equatable {
    /// The journal goes on in a new file: number of the first segment that begins in it, and how many discontinuities
    /// there were before that. `isFresh` when what older files tell does not lead here.
    case file(firstSequence: Int64, discontinuities: Int64, isFresh: Bool)
    case track(ChannelState.Track)
    case segment(SegmentStart)
    case discontinuity(MediaKind)
    case part(StoredPart)
    case gap(MediaKind, sequence: Int64, duration: Double, isLikelyLast: Bool)
    case segmentEnd(MediaKind, sequence: Int64, duration: Double)
    case line(LineState)

    /// A part whose bytes lie in its segment's file.
    struct StoredPart: Equatable {
        let kind: MediaKind
        let sequence: Int64
        /// Seconds.
        let duration: Double
        let isIndependent: Bool
        let isLikelyLast: Bool
        let isGap: Bool
        let byteCount: Int
        /// Decode time at which it ends, in seconds.
        let decodeEnd: Double
    }

    /// The rendition that it is of.
    var kind: MediaKind? {
        switch self {
        case .file, .line: nil
        case .track(let track): track.isVideo ? .video : .audio
        case .segment(let start): start.kind
        case .discontinuity(let kind), .gap(let kind, _, _, _), .segmentEnd(let kind, _, _): kind
        case .part(let part): part.kind
        }
    }
}

// MARK: - Bytes

/// A record is its length (32 bits, of what follows), a tag, flags, and fields of fixed size, all big-endian.
extension MediaRecord {
    /// Longer ones are nobody's: an init section takes a kilobyte.
    private static let longest = 1 << 20

    private enum Tag: UInt8 {
        case file = 1, track, segment, discontinuity, part, gap, segmentEnd, line
    }

    private struct Flags: OptionSet {
        let rawValue: UInt8
        static let audio = Flags(rawValue: 1)
        static let first = Flags(rawValue: 2)
        static let second = Flags(rawValue: 4)
        static let third = Flags(rawValue: 8)

        init(rawValue: UInt8) { self.rawValue = rawValue }
        init(_ kind: MediaKind, _ first: Bool = false, _ second: Bool = false, _ third: Bool = false) {
            self = kind == .audio ? .audio : []
            if first { insert(.first) }
            if second { insert(.second) }
            if third { insert(.third) }
        }
        var kind: MediaKind { contains(.audio) ? .audio : .video }
    }

    func write(into bytes: inout ByteBuffer) {
        let start = bytes.writerIndex
        bytes.writeInteger(UInt32(0))
        switch self {
        case .file(let sequence, let discontinuities, let isFresh):
            bytes.write(Tag.file.rawValue, Flags(.video, isFresh).rawValue)
            bytes.writeInteger(sequence)
            bytes.writeInteger(discontinuities)
        case .track(let track):
            bytes.write(Tag.track.rawValue, Flags(track.isVideo ? .video : .audio).rawValue)
            let encoder = JSONEncoder()
            encoder.outputFormatting = .sortedKeys
            bytes.writeBytes((try? encoder.encode(track)) ?? Data())
        case .segment(let segment):
            bytes.write(
                Tag.segment.rawValue,
                Flags(
                    segment.kind, segment.isDiscontinuity, segment.startsIndependent,
                    segment.startsIndependent && !segment.decodesAlone
                ).rawValue)
            bytes.writeInteger(segment.sequence)
            bytes.writeInteger(segment.programDateTimeMicroseconds)
        case .discontinuity(let kind): bytes.write(Tag.discontinuity.rawValue, Flags(kind).rawValue)
        case .part(let part):
            bytes.write(
                Tag.part.rawValue, Flags(part.kind, part.isIndependent, part.isLikelyLast, part.isGap).rawValue)
            bytes.writeInteger(part.sequence)
            bytes.writeInteger(part.duration.bitPattern)
            bytes.writeInteger(UInt32(clamping: part.byteCount))
            bytes.writeInteger(part.decodeEnd.bitPattern)
        case .gap(let kind, let sequence, let duration, let isLikelyLast):
            bytes.write(Tag.gap.rawValue, Flags(kind, isLikelyLast).rawValue)
            bytes.writeInteger(sequence)
            bytes.writeInteger(duration.bitPattern)
        case .segmentEnd(let kind, let sequence, let duration):
            bytes.write(Tag.segmentEnd.rawValue, Flags(kind).rawValue)
            bytes.writeInteger(sequence)
            bytes.writeInteger(duration.bitPattern)
        case .line(let line):
            bytes.write(Tag.line.rawValue, Flags(.video, line.isContinuous).rawValue)
            bytes.writeInteger(line.dateOffset)
            bytes.writeInteger(line.timestampShift)
        }
        bytes.setInteger(UInt32(clamping: bytes.writerIndex - start - 4), at: start)
    }

    /// Reads one record. nil where the bytes end within it, or are none: nothing is taken then.
    static func read(from bytes: inout ByteBuffer) -> MediaRecord? {
        var rest = bytes
        guard let length = rest.readInteger(as: UInt32.self), (2...longest).contains(Int(length)),
            var body = rest.readSlice(length: Int(length)), let record = decode(&body), body.readableBytes == 0
        else { return nil }
        bytes = rest
        return record
    }

    private static func decode(_ body: inout ByteBuffer) -> MediaRecord? {
        guard let tag = body.readInteger(as: UInt8.self).flatMap(Tag.init),
            let flags = body.readInteger(as: UInt8.self).map(Flags.init(rawValue:))
        else { return nil }
        switch tag {
        case .file:
            guard let sequence = body.sequence(), let discontinuities = body.sequence() else { return nil }
            return .file(
                firstSequence: sequence, discontinuities: discontinuities, isFresh: flags.contains(.first))
        case .track:
            let json = Data(body.readableBytesView)
            body.moveReaderIndex(forwardBy: body.readableBytes)
            guard let track = try? JSONDecoder().decode(ChannelState.Track.self, from: json), track.isPossible else {
                return nil
            }
            return .track(track)
        case .segment:
            guard let sequence = body.sequence(), let date = body.readInteger(as: Int64.self),
                date.magnitude < 1 << 60
            else { return nil }
            return .segment(
                SegmentStart(
                    kind: flags.kind, sequence: sequence, isDiscontinuity: flags.contains(.first),
                    programDateTimeMicroseconds: date, startsIndependent: flags.contains(.second),
                    decodesAlone: !flags.contains(.third)))
        case .discontinuity: return .discontinuity(flags.kind)
        case .part:
            guard let sequence = body.sequence(), let duration = body.seconds(),
                let count = body.readInteger(as: UInt32.self), let end = body.seconds()
            else { return nil }
            return .part(
                StoredPart(
                    kind: flags.kind, sequence: sequence, duration: duration,
                    isIndependent: flags.contains(.first), isLikelyLast: flags.contains(.second),
                    isGap: flags.contains(.third), byteCount: Int(count), decodeEnd: end))
        case .gap:
            guard let sequence = body.sequence(), let duration = body.seconds() else { return nil }
            return .gap(flags.kind, sequence: sequence, duration: duration, isLikelyLast: flags.contains(.first))
        case .segmentEnd:
            guard let sequence = body.sequence(), let duration = body.seconds() else { return nil }
            return .segmentEnd(flags.kind, sequence: sequence, duration: duration)
        case .line:
            guard let offset = body.readInteger(as: Int64.self), let shift = body.readInteger(as: Int64.self),
                max(offset.magnitude, shift.magnitude) < 1 << 60
            else { return nil }
            return .line(
                LineState(dateOffset: offset, timestampShift: shift, isContinuous: flags.contains(.first)))
        }
    }
}

extension ByteBuffer {
    fileprivate mutating func write(_ tag: UInt8, _ flags: UInt8) {
        writeInteger(tag)
        writeInteger(flags)
    }

    /// A number of segments or discontinuities.
    fileprivate mutating func sequence() -> Int64? {
        readInteger(as: Int64.self).flatMap { (0..<1 << 52).contains($0) ? $0 : nil }
    }

    fileprivate mutating func seconds() -> Double? {
        readInteger(as: UInt64.self).map(Double.init(bitPattern:)).flatMap { abs($0) < 1e12 ? $0 : nil }
    }
}
