import NIOCore
import Testing

@testable import Lint

/// What init sections say of their tracks, as a multivariant playlist names it.
struct SampleDescriptionTests {
    @Test(
        "ISO 14496-3, 1.6.2.1: AAC in each of its signallings",
        arguments: [
            // AAC-LC of two channels, of six.
            ([0x11, 0x90], "mp4a.40.2", 2), ([0x11, 0xb0], "mp4a.40.2", 6),
            // HE-AAC, explicit; and as an extension that old decoders pass over.
            ([0x2b, 0x11, 0x88, 0x00], "mp4a.40.5", 2), ([0x13, 0x10, 0x56, 0xe5, 0x98], "mp4a.40.5", 2),
            // HE-AAC v2: parametric stereo makes two channels of one.
            ([0xeb, 0x09, 0x88, 0x00], "mp4a.40.29", 2),
            ([0x13, 0x08, 0x56, 0xe5, 0x9d, 0x48, 0x80], "mp4a.40.29", 2),
            // An extension without SBR is none.
            ([0x13, 0x10, 0x56, 0xe5, 0x00], "mp4a.40.2", 2),
        ])
    func aac(specific: [UInt8], codec: String, channels: Int) throws {
        let decoder: [UInt8] = [0x40, 0x15] + [UInt8](repeating: 0, count: 11) + [5, UInt8(specific.count)] + specific
        let stream: [UInt8] = [0, 0, 0, 4, UInt8(decoder.count)] + decoder + [6, 1, 2]
        let bytes = try BoxAuditTests.initSection(esds: [3, UInt8(stream.count)] + stream)
        #expect(BoxAudit(initSection: bytes).faults == [])
        let description = try #require(InitHeader(reading: bytes).tracks.first).description
        #expect(description.codec == codec)
        #expect(description.channels == channels)
        #expect(description.isNamed(in: ["avc1.64001f", codec.uppercased()]))
        for other in ["mp4a.40.2", "mp4a.40.5", "mp4a.40.29"] where other != codec {
            #expect(!description.isNamed(in: [other]))
        }
    }

    /// One sample entry of video: fields, then boxes.
    private static func video(_ format: String, _ boxes: [(String, [UInt8])]) throws -> SampleDescription {
        var body = ByteBuffer(bytes: [UInt8](repeating: 0, count: 24))
        body.writeInteger(UInt16(1_280))
        body.writeInteger(UInt16(720))
        body.writeRepeatingByte(0, count: 50)
        for (type, bytes) in boxes {
            body.writeInteger(UInt32(bytes.count + 8))
            body.writeString(type)
            body.writeBytes(bytes)
        }
        var entry = ByteBuffer()
        entry.writeInteger(UInt32(body.readableBytes + 8))
        entry.writeString(format)
        entry.writeImmutableBuffer(body)
        return try #require(SampleDescription(entries: entry, isVideo: true))
    }

    private static func colr(_ transfer: UInt8) -> (String, [UInt8]) {
        ("colr", Array("nclx".utf8) + [0, 9, 0, transfer, 0, 9, 0])
    }

    /// By libx265 of ffmpeg, Main 10, BT.2020 with PQ.
    private static let hvcC: [UInt8] = [
        0x01, 0x02, 0x20, 0x00, 0x00, 0x00, 0x90, 0x00, 0x00, 0x00, 0x00, 0x00, 0x3c, 0xf0, 0x00, 0xfc, 0xfd, 0xfa,
        0xfa, 0x00, 0x00, 0x0f, 0x03, 0xa0, 0x00, 0x01, 0x00, 0x18, 0x40, 0x01, 0x0c, 0x01, 0xff, 0xff, 0x02, 0x20,
        0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0x3c, 0x95, 0x98, 0x09, 0xa1, 0x00,
        0x01, 0x00, 0x2d, 0x42, 0x01, 0x01, 0x02, 0x20, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00, 0x00,
        0x03, 0x00, 0x3c, 0xa0, 0x0a, 0x08, 0x0b, 0x9f, 0x6d, 0x96, 0x56, 0x69, 0x24, 0xca, 0xf0, 0x16, 0xa1, 0x22,
        0x01, 0x20, 0x80, 0x00, 0x00, 0x03, 0x00, 0x80, 0x00, 0x00, 0x0a, 0x04, 0xa2, 0x00, 0x01, 0x00, 0x07, 0x44,
        0x01, 0xc1, 0x72, 0xb4, 0x62, 0x40,
    ]
    /// By SVT-AV1 of ffmpeg, ten bits, BT.2020 with HLG.
    private static let av1C: [UInt8] = [
        0x81, 0x00, 0x4c, 0x00, 0x0a, 0x0e, 0x02, 0x00, 0x00, 0x05, 0x61, 0xe7, 0xf6, 0x60, 0x17, 0xc2, 0x84, 0x89,
        0x04, 0x82,
    ]

    @Test("RFC 6381: names that say what decides, whatever their spelling")
    func names() throws {
        let avc = try Self.video("avc1", [("avcC", [1, 0x64, 0, 0x1f, 0xff, 0xe0, 0])])
        #expect(avc.codec == "avc1.64001f")
        #expect(avc.isNamed(in: ["avc1.64001F"]) && avc.isNamed(in: ["avc1.100.31"]))
        #expect(!avc.isNamed(in: ["avc1.640028"]) && !avc.isNamed(in: ["avc3.64001f"]) && !avc.isNamed(in: []))
        let hevc = try Self.video("hvc1", [("hvcC", Self.hvcC)])
        #expect(hevc.codec == "hvc1.2.4.L60.90")
        #expect(hevc.isNamed(in: ["hvc1.2.4.L60.90"]) && hevc.isNamed(in: ["hvc1.2.6.L60.b0"]))
        #expect(!hevc.isNamed(in: ["hvc1.1.6.L93.B0"]) && !hevc.isNamed(in: ["hev1.2.4.L93.B0"]))
        let av1 = try Self.video("av01", [("av1C", Self.av1C)])
        #expect(av1.codec == "av01.0.00M.10")
        #expect(
            av1.isNamed(in: ["av01.0.00M.10", "av01.0.00M.10.0.110.09.18.09.0"]) && !av1.isNamed(in: ["av01.0.00M.08"]))
    }

    @Test("ISO 23091-2: transfer characteristics of colr and of parameter sets")
    func transfers() throws {
        let hevc = try Self.video("hvc1", [("hvcC", Self.hvcC), Self.colr(18)])
        #expect(hevc.streamTransfer == 16 && hevc.boxTransfer == 18)
        let av1 = try Self.video("av01", [("av1C", Self.av1C), Self.colr(2)])
        #expect(av1.streamTransfer == 18 && av1.boxTransfer == nil)
        #expect([1, 6, 13, 14, 15].map { TransferCharacteristics.range(of: $0) } == Array(repeating: "SDR", count: 5))
        #expect(TransferCharacteristics.range(of: 16) == "PQ" && TransferCharacteristics.range(of: 18) == "HLG")
        #expect(TransferCharacteristics.range(of: 2) == nil)
    }

    @Test("sizes that RESOLUTION may tell: coded, and with square pixels")
    func sizes() throws {
        let description = try Self.video("avc1", [("pasp", [0, 0, 0, 4, 0, 0, 0, 3])])
        #expect(description.sizes.map { "\($0.width)x\($0.height)" } == ["1280x720", "1707x720", "1280x540"])
    }
}
