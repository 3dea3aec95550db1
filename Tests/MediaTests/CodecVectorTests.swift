import Foundation
import NIOCore
import Seeded
import Testing

@testable import Media
@testable import RTMP

/// What ffmpeg 9 sends through Enhanced RTMP, recorded as FLV files: codec strings, init sections and fragments that other
/// readers accept.
///
/// The files hold generated pictures and tones, some kilobytes each. They lie in the repository because another release of
/// ffmpeg encodes other bytes, and what is expected of them here is exact.
@Suite struct CodecVectorTests {
    struct Vector: Sendable, CustomTestStringConvertible {
        let file: String
        let codecs: [MediaKind: String]
        let frames: [MediaKind: Int]
        var testDescription: String { file }
    }

    static let vectors = [
        Vector(file: "hevc-bframes.flv", codecs: [.video: "hvc1.1.6.L30.90"], frames: [.video: 40]),
        Vector(file: "hevc-main10.flv", codecs: [.video: "hvc1.2.4.L30.90"], frames: [.video: 10]),
        Vector(file: "av1-opus.flv", codecs: [.video: "av01.0.00M.08", .audio: "opus"], frames: [.video: 30]),
        Vector(file: "av1-10bit.flv", codecs: [.video: "av01.0.00M.10"], frames: [.video: 5]),
        Vector(file: "opus-51.flv", codecs: [.audio: "opus"], frames: [:]),
    ]

    /// The tags of an FLV file as the RTMP room reads them.
    static func tags(_ name: String) throws -> (video: [VideoTag], audio: [AudioTag]) {
        let url = try #require(Bundle.module.url(forResource: "Corpus/\(name)", withExtension: nil))
        var bytes = ByteBuffer(bytes: try Data(contentsOf: url))
        bytes.moveReaderIndex(forwardBy: 13)
        var (video, audio): ([VideoTag], [AudioTag]) = ([], [])
        while let type = bytes.readInteger(as: UInt8.self), let size = bytes.readUInt24(), let low = bytes.readUInt24(),
            let high = bytes.readInteger(as: UInt8.self), bytes.readUInt24() != nil,
            let body = bytes.readSlice(length: Int(size))
        {
            bytes.moveReaderIndex(forwardBy: 4)
            let message = RTMPMessage(type: type, stream: 1, timestamp: UInt32(high) << 24 | low, payload: body)
            if type == 9 { video += TagReader.video(message).tags }
            if type == 8 { audio += TagReader.audio(message).tags }
        }
        return (video, audio)
    }
}

extension CodecVectorTests {
    /// Everything of a vector in the order of its stamps, packaged.
    static func package(_ name: String) throws -> (packaged: Packaged, records: [[UInt8]]) {
        let (video, audio) = try tags(name)
        var packets: [(stamp: UInt32, packet: CrookedPublisher.Sent.Packet)] = []
        var records: [[UInt8]] = []
        for tag in video {
            let codec: VideoCodec = tag.codec == .hevc ? .hevc : tag.codec == .av1 ? .av1 : .h264
            var packet = VideoPacket(codec: codec, timestampMilliseconds: tag.timestamp, payload: .end)
            switch tag.kind {
            case .configuration(let record):
                packet.payload = .configuration(record)
                records.append(Array(record.readableBytesView))
            case .frame(let bytes, let offset):
                packet.payload = .frame(bytes)
                packet.compositionOffsetMilliseconds = offset
            case .endOfSequence: continue
            }
            packets.append((tag.timestamp, .video(packet)))
        }
        for tag in audio {
            var packet = AudioPacket(codec: .opus, timestampMilliseconds: tag.timestamp, payload: .end)
            switch tag.kind {
            case .configuration(let record):
                packet.payload = .configuration(record)
                records.append(Array(record.readableBytesView))
            case .frame(let bytes): packet.payload = .frame(bytes)
            case .endOfSequence: continue
            }
            packets.append((tag.timestamp, .audio(packet)))
        }
        packets.sort { $0.stamp < $1.stamp }
        var packager = PublishPackager(configuration: PackagerConfiguration(), start: PackagerStart(firstSequence: 0))
        var packaged = Packaged()
        packager.declare(hasVideo: !video.isEmpty, hasAudio: !audio.isEmpty, frameRate: 25)
        for (stamp, packet) in packets {
            let wall = 1_800_000_000_000_000 + Int64(stamp) * 1_000
            switch packet {
            case .video(let packet): packager.video(packet, at: wall, into: &packaged.events)
            case .audio(let packet): packager.audio(packet, at: wall, into: &packaged.events)
            }
        }
        packager.finish(into: &packaged.events)
        return (packaged, records)
    }

    @Test(arguments: vectors) func codecStringsAndFragments(vector: Vector) throws {
        let (packaged, _) = try Self.package(vector.file)
        for (kind, codecs) in vector.codecs {
            let section = try #require(packaged.tracks(kind).first)
            #expect(section.format.codecs == codecs)
            if kind == .video { #expect(section.format.width == 128 && section.format.height == 96) }
            if let frames = vector.frames[kind] {
                #expect(packaged.parts(kind).reduce(0) { $0 + $1.sampleCount } == frames)
            }
            // Another reader finds every frame, and nothing to complain of.
            let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).mp4")
            try packaged.file(kind).write(to: file)
            defer { try? FileManager.default.removeItem(at: file) }
            let probe = try run(
                "ffprobe", "-v", "error", "-count_packets", "-show_entries", "stream=codec_name,nb_read_packets", "-of",
                "csv=p=0", file.path)
            let name = codecs.hasPrefix("hvc1") ? "hevc" : codecs.hasPrefix("av01") ? "av1" : "opus"
            let count = packaged.parts(kind).reduce(0) { $0 + $1.sampleCount }
            #expect(probe.output.trimmingCharacters(in: .whitespacesAndNewlines) == "\(name),\(count)")
            #expect(probe.errors.isEmpty, "\(probe.errors)")
        }
        #expect(packaged.warnings.isEmpty, "\(packaged.warnings)")
    }

    /// CodedFrames carry a composition time, CodedFramesX have none: both stand in one stream of ffmpeg's.
    @Test func hevcFramesComeInBothForms() throws {
        let offsets = try Self.tags("hevc-bframes.flv").video.compactMap { tag -> Int32? in
            if case .frame(_, let offset) = tag.kind { offset } else { nil }
        }
        #expect(offsets.count == 40 && offsets.count { $0 == 0 } == 12 && offsets.contains(80))
        let presented = try Self.package("hevc-bframes.flv").packaged.parts(.video)
            .compactMap { FragmentReader($0.bytes) }.flatMap(\.samples).map { $0.decodeTime + $0.compositionOffset }
        // 25 frames a second, each at its own time.
        let sorted = presented.sorted()
        #expect(zip(sorted, sorted.dropFirst()).allSatisfy { abs($1 - $0 - 3_600) < 200 })
    }

    /// Opus in ISOBMFF, 4.3.2: the pre-skip stands in dOps, and time is counted at 48 kHz.
    @Test func opusKeepsItsPreSkip() throws {
        for (file, channels, mapping) in [
            ("av1-opus.flv", UInt8(1), [UInt8(0)]), ("opus-51.flv", 6, [1, 4, 2, 0, 4, 1]),
        ] {
            let section = try #require(try Self.package(file).packaged.tracks(.audio).first)
            let bytes = Array(section.bytes.readableBytesView)
            let place = try #require(bytes.indices.first { bytes[$0...].starts(with: Array("dOps".utf8)) })
            #expect(Array(bytes[(place + 4)...].prefix(4)) == [0, channels, 1, 0x38])
            #expect(Array(bytes[(place + 8)...].prefix(4)) == [0, 0, 0xbb, 0x80])
            #expect(Array(bytes[(place + 14)...].prefix(mapping.count)) == mapping)
            #expect(section.format.sampleRate == 48_000 && section.format.channels == Int(channels))
        }
    }

    /// Silence that stands for lost sound decodes, whatever the layout.
    @Test(arguments: [1, 2, 3, 4, 5, 6, 7]) func silenceDecodes(layout: Int) throws {
        let specific: [UInt8] = [0x11, 0x80 | UInt8(layout << 3)]
        let configuration = try AudioConfiguration(audioSpecificConfig: specific)
        let silence = Silence(for: configuration)
        var file = InitializationSegment.audio(configuration)
        let samples = (0..<8).map {
            Sample(
                decodeTime: Int64($0 * 1_024), duration: 1_024, compositionOffset: 0, isSync: true, bytes: silence.bytes
            )
        }
        file.writeImmutableBuffer(Fragment.write(samples, sequence: 1))
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).mp4")
        try Data(file.readableBytesView).write(to: path)
        defer { try? FileManager.default.removeItem(at: path) }
        let heard = try run("ffmpeg", "-v", "error", "-i", path.path, "-f", "s16le", "-")
        #expect(heard.errors.isEmpty, "\(heard.errors)")
        #expect(heard.bytes.count == 8 * 1_024 * 2 * configuration.channels && !heard.bytes.contains { $0 != 0 })
    }

    /// Seeded mutants of every recorded configuration and frame: nothing traps.
    @Test func mutantsOfRecordsNeverTrap() throws {
        var random = SeededGenerator(seed: 20_261_124)
        var seeds: [[UInt8]] = [Array(CrookedPublisher.videoRecord(width: 640, height: 360).readableBytesView)]
        for vector in Self.vectors { seeds += try Self.package(vector.file).records }
        for _ in 0..<Search.rounds(1_500) {
            guard var bytes = seeds.randomElement(using: &random), !bytes.isEmpty else { continue }
            for _ in 0..<Int.random(in: 1...5, using: &random) where !bytes.isEmpty {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                case 2: bytes.removeSubrange(place...)
                default: bytes.insert(0xff, at: place)
                }
            }
            for codec in [VideoCodec.h264, .hevc, .av1] {
                if let found = try? VideoConfiguration(codec: codec, record: bytes) {
                    #expect((found.format.width ?? 0) > 0)
                    _ = InitializationSegment.video(found)
                    _ = bytes.withUnsafeBytes { found.access(of: $0) }
                    _ = found.isSequence(of: ByteBuffer(bytes: bytes))
                }
            }
            for codec in [AudioCodec.aac, .opus] {
                if let found = try? AudioConfiguration(codec: codec, record: bytes) {
                    _ = InitializationSegment.audio(found)
                    _ = Silence(for: found)
                    _ = found.sampleCount(of: bytes)
                }
            }
            _ = AV1Configuration(keyFrame: bytes[...])
        }
    }

    private func run(_ program: String, _ arguments: String...) throws -> (output: String, bytes: Data, errors: String)
    {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program] + arguments
        let (output, errors) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        let bytes = output.fileHandleForReading.readDataToEndOfFile()
        let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (String(decoding: bytes, as: UTF8.self), bytes, text)
    }
}
