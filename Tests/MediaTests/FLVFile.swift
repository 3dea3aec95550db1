import Foundation
import NIOCore

@testable import Media

/// Reads an FLV file into packets: legacy H.264 and AAC only, for these tests.
enum FLVFile {
    enum Packet {
        case video(VideoPacket, isKey: Bool)
        case audio(AudioPacket)
    }

    static func packets(named name: String) throws -> [Packet] {
        let url = try requireURL(Bundle.module.url(forResource: "Corpus/\(name)", withExtension: nil))
        var bytes = ByteBuffer(bytes: try Data(contentsOf: url))
        bytes.moveReaderIndex(forwardBy: 13)
        var packets: [Packet] = []
        while let type = bytes.readInteger(as: UInt8.self), let size = read24(&bytes), let low = read24(&bytes),
            let high = bytes.readInteger(as: UInt8.self), read24(&bytes) != nil,
            var body = bytes.readSlice(length: Int(size))
        {
            bytes.moveReaderIndex(forwardBy: 4)
            let timestamp = UInt32(high) << 24 | low
            guard let first = body.readInteger(as: UInt8.self), let kind = body.readInteger(as: UInt8.self) else {
                continue
            }
            if type == 9, first & 15 == 7, let offset = read24(&body) {
                let payload: PacketPayload = kind == 0 ? .configuration(body) : kind == 1 ? .frame(body) : .end
                packets.append(
                    .video(
                        VideoPacket(
                            codec: .h264, timestampMilliseconds: timestamp,
                            compositionOffsetMilliseconds: Int32(offset), payload: payload),
                        isKey: first >> 4 == 1))
            } else if type == 8, first >> 4 == 10 {
                packets.append(
                    .audio(
                        AudioPacket(
                            codec: .aac, timestampMilliseconds: timestamp,
                            payload: kind == 0 ? .configuration(body) : .frame(body))))
            }
        }
        return packets
    }

    private static func read24(_ bytes: inout ByteBuffer) -> UInt32? {
        guard let high = bytes.readInteger(as: UInt16.self), let low = bytes.readInteger(as: UInt8.self) else {
            return nil
        }
        return UInt32(high) << 8 | UInt32(low)
    }

    private static func requireURL(_ url: URL?) throws -> URL {
        guard let url else { throw CocoaError(.fileNoSuchFile) }
        return url
    }
}

/// What a packager made, sorted out.
struct Packaged {
    var events: [PackagerEvent] = []

    func parts(_ kind: MediaKind) -> [Part] {
        events.compactMap { if case .part(let part) = $0, part.kind == kind { part } else { nil } }
    }
    func segments(_ kind: MediaKind) -> [SegmentStart] {
        events.compactMap { if case .segment(let start) = $0, start.kind == kind { start } else { nil } }
    }
    func ends(_ kind: MediaKind) -> [Double] {
        events.compactMap { if case .segmentEnd(kind, _, let duration) = $0 { duration } else { nil } }
    }
    func tracks(_ kind: MediaKind) -> [InitSection] {
        events.compactMap { if case .track(let section) = $0, section.kind == kind { section } else { nil } }
    }
    var warnings: [PackagerWarning] {
        events.compactMap { if case .warning(let warning) = $0 { warning } else { nil } }
    }

    /// Init section and parts of a track as one file.
    func file(_ kind: MediaKind) -> Data {
        var bytes = ByteBuffer()
        for section in tracks(kind).prefix(1) { bytes.writeImmutableBuffer(section.bytes) }
        for part in parts(kind) { bytes.writeImmutableBuffer(part.bytes) }
        return Data(bytes.readableBytesView)
    }
}
