import Foundation
import NIOCore
import Seeded
import Testing

@testable import Media

@Suite struct PackagerTests {
    /// Feeds packets at the pace of their timestamps, beginning at a wall clock of `wall`.
    private func package(
        _ packets: [FLVFile.Packet], configuration: PackagerConfiguration = PackagerConfiguration(),
        change: (FLVFile.Packet, Int) -> FLVFile.Packet? = { packet, _ in packet }
    ) -> Packaged {
        var packager = PublishPackager(configuration: configuration, start: PackagerStart(firstSequence: 100))
        packager.declare(hasVideo: nil, hasAudio: nil, frameRate: nil)
        var packaged = Packaged()
        for (index, packet) in packets.enumerated() {
            switch change(packet, index) {
            case .video(let packet, _)?:
                packager.video(packet, at: Self.wall(packet.timestampMilliseconds), into: &packaged.events)
            case .audio(let packet)?:
                packager.audio(packet, at: Self.wall(packet.timestampMilliseconds), into: &packaged.events)
            case nil: break
            }
        }
        packager.finish(into: &packaged.events)
        return packaged
    }

    private static func wall(_ milliseconds: UInt32) -> Int64 { 1_800_000_000_000_000 + Int64(milliseconds) * 1_000 }

    /// Decode and presentation times of a file by ffprobe, another reader of CMAF.
    private func probe(_ data: Data) throws -> [(decode: Double, presentation: Double)] {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).mp4")
        try data.write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "ffprobe", "-v", "error", "-show_entries", "packet=dts_time,pts_time", "-of", "csv=p=0", file.path,
        ]
        let (output, errors) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        #expect(String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self).isEmpty)
        process.waitUntilExit()
        return text.split(separator: "\n").compactMap { line in
            let values = line.split(separator: ",").compactMap { Double($0) }
            return values.count == 2 ? (values[1], values[0]) : nil
        }
    }

    @Test func ffprobeReadsBackEveryFrameOfBothTracks() throws {
        let packets = try FLVFile.packets(named: "bframes-30.flv")
        let packaged = package(packets)
        #expect(packaged.warnings.isEmpty)
        var source: (video: [(Double, Double)], audio: Int) = ([], 0)
        for packet in packets {
            switch packet {
            case .video(let packet, _):
                guard case .frame = packet.payload else { continue }
                let decode = Double(packet.timestampMilliseconds) / 1_000
                source.video.append((decode, decode + Double(packet.compositionOffsetMilliseconds) / 1_000))
            case .audio(let packet): if case .frame = packet.payload { source.audio += 1 }
            }
        }
        let video = try probe(packaged.file(.video))
        #expect(video.count == source.video.count)
        for (read, sent) in zip(video, source.video) {
            #expect(abs(read.decode - sent.0) < 0.003 && abs(read.presentation - sent.1) < 0.003)
        }
        let audio = try probe(packaged.file(.audio))
        // Sound before the first picture has no segment to be in.
        #expect(audio.count > source.audio - 8 && audio.count <= source.audio)
        #expect(zip(audio, audio.dropFirst()).allSatisfy { abs($1.decode - $0.decode - 1_024 / 44_100) < 0.000_1 })
    }

    @Test func partsAndSegmentsKeepTheRules() throws {
        let packaged = package(try FLVFile.packets(named: "bframes-30.flv"))
        let target = PackagerConfiguration().partTarget.microseconds / 1e6
        for kind in [MediaKind.video, .audio] {
            let parts = packaged.parts(kind)
            let segments = packaged.segments(kind)
            #expect(segments.map(\.sequence) == [100, 101])
            for (index, part) in parts.enumerated() {
                #expect(part.duration <= target + 1e-9)
                let isLast = index == parts.count - 1 || parts[index + 1].sequence != part.sequence
                #expect(isLast || part.duration >= target * 0.85)
                #expect(part.index == 0 || parts[index - 1].index == part.index - 1)
            }
            for (start, duration) in zip(segments, packaged.ends(kind)) {
                let own = parts.filter { $0.sequence == start.sequence }
                #expect(abs(own.reduce(0) { $0 + $1.duration } - duration) < 0.001)
                #expect(start.startsIndependent && own[0].isIndependent)
            }
        }
        // Both renditions of a segment begin within one audio frame of each other.
        for (video, audio) in zip(packaged.segments(.video), packaged.segments(.audio)) {
            #expect(abs(video.programDateTimeMicroseconds - audio.programDateTimeMicroseconds) < 24_000)
        }
        let format = try #require(packaged.tracks(.video).first?.format)
        #expect(format.codecs.hasPrefix("avc1.") && format.width == 64 && format.height == 48 && format.frameRate == 30)
        #expect(packaged.tracks(.audio).first?.format.codecs == "mp4a.40.2")
    }

    /// Hints follow from it: viewers ask for the next segment's first part before the frame that ends this one has come.
    @Test(arguments: [(60, 2.0), (30, 2.0), (250, 8.0)])
    func theLastPartOfASegmentIsForetold(keyframeInterval: Int, longest: Double) throws {
        let source = try FLVFile.packets(named: "bframes-30.flv")
        var (header, key, delta): (VideoPacket?, VideoPacket?, VideoPacket?)
        for case .video(let packet, let isKey) in source {
            switch packet.payload {
            case .configuration: header = header ?? packet
            case .frame: if isKey { key = key ?? packet } else { delta = delta ?? packet }
            case .end: break
            }
        }
        var packets = [FLVFile.Packet.video(try #require(header), isKey: true)]
        for index in 0..<1_000 {
            let isKey = index % keyframeInterval == 0
            var packet = try #require(isKey ? key : delta)
            packet.timestampMilliseconds = UInt32((Double(index) * 1_000 / 30).rounded())
            packet.compositionOffsetMilliseconds = 0
            packets.append(.video(packet, isKey: isKey))
        }
        var configuration = PackagerConfiguration()
        configuration.maximumSegmentDuration = .seconds(longest)
        let parts = package(packets, configuration: configuration).parts(.video)
        let known = parts.filter { $0.decodeTime > Int64(keyframeInterval) * 3_000 }.dropLast(30)
        #expect(known.count > 20)
        for (part, next) in zip(known, known.dropFirst()) {
            #expect(part.isLikelyLast == (next.sequence != part.sequence), "\(part.sequence).\(part.index)")
        }
    }

    @Test func aJumpIsADiscontinuityInBothRenditions() throws {
        let packaged = package(try FLVFile.packets(named: "bframes-30.flv")) { packet, _ in
            switch packet {
            case .video(var packet, let isKey):
                if packet.timestampMilliseconds >= 2_000 { packet.timestampMilliseconds += 60_000 }
                return .video(packet, isKey: isKey)
            case .audio(var packet):
                if packet.timestampMilliseconds >= 2_000 { packet.timestampMilliseconds += 60_000 }
                return .audio(packet)
            }
        }
        for kind in [MediaKind.video, .audio] {
            #expect(packaged.segments(kind).filter(\.isDiscontinuity).count == 1)
            let times = packaged.parts(kind).map(\.decodeTime)
            #expect(zip(times, times.dropFirst()).allSatisfy { $0 < $1 })
        }
        #expect(packaged.segments(.video).map(\.sequence) == packaged.segments(.audio).map(\.sequence))
    }

    @Test func onlyOneTrackIsEnough() throws {
        let packets = try FLVFile.packets(named: "bframes-30.flv")
        for isVideo in [true, false] {
            var packager = PublishPackager(
                configuration: PackagerConfiguration(), start: PackagerStart(firstSequence: 0))
            packager.declare(hasVideo: isVideo, hasAudio: !isVideo, frameRate: nil)
            var packaged = Packaged()
            for packet in packets {
                switch packet {
                case .video(let packet, _) where isVideo:
                    packager.video(packet, at: Self.wall(packet.timestampMilliseconds), into: &packaged.events)
                case .audio(let packet) where !isVideo:
                    packager.audio(packet, at: Self.wall(packet.timestampMilliseconds), into: &packaged.events)
                default: break
                }
            }
            packager.finish(into: &packaged.events)
            #expect(packaged.segments(isVideo ? .video : .audio).count == 2)
            #expect(packaged.segments(isVideo ? .audio : .video).isEmpty)
        }
    }

    @Test func aLongGOPIsCutWithinTheLimitOrRefused() throws {
        // The clip's keyframes after the first are taken for the picture's frames: no IDR for 12 s.
        let packets = try FLVFile.packets(named: "bframes-30.flv")
        func long(_ configuration: PackagerConfiguration) -> Packaged {
            var packager = PublishPackager(configuration: configuration, start: PackagerStart(firstSequence: 0))
            packager.declare(hasVideo: true, hasAudio: false, frameRate: nil)
            var packaged = Packaged()
            var time: UInt32 = 0
            var frame: VideoPacket?
            for case .video(let packet, let isKey) in packets {
                if case .frame = packet.payload, !isKey { frame = packet }
                if time == 0 || frame == nil { packager.video(packet, at: Self.wall(0), into: &packaged.events) }
                if frame != nil { break }
            }
            while let frame, time < 12_000 {
                time += 33
                var packet = frame
                packet.timestampMilliseconds = time
                packet.compositionOffsetMilliseconds = 0
                packager.video(packet, at: Self.wall(time), into: &packaged.events)
            }
            packager.finish(into: &packaged.events)
            return packaged
        }
        let cut = long(PackagerConfiguration())
        #expect(cut.ends(.video).allSatisfy { $0 <= 4.0 })
        #expect(cut.segments(.video).count >= 3)
        #expect(cut.segments(.video).dropFirst().allSatisfy { !$0.startsIndependent })
        #expect(cut.warnings.contains { if case .longGOP = $0 { true } else { false } })
        var refusing = PackagerConfiguration()
        refusing.longGOP = .refuse
        #expect(long(refusing).events.contains { if case .refused = $0 { true } else { false } })
    }

    /// Seeded mutants of packets: nothing traps, and what comes out still keeps its order.
    @Test func mutantsNeverTrap() throws {
        let packets = try FLVFile.packets(named: "bframes-30.flv")
        var seed: UInt64 = 20_261_123
        func random(_ limit: Int) -> Int {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(seed >> 33) % max(1, limit)
        }
        func damaged(_ bytes: ByteBuffer) -> ByteBuffer {
            var copy = Array(bytes.readableBytesView)
            for _ in 0..<random(4) + 1 where !copy.isEmpty { copy[random(copy.count)] = UInt8(random(256)) }
            if random(4) == 0 { copy = Array(copy.prefix(random(copy.count + 1))) }
            return ByteBuffer(bytes: copy)
        }
        func damaged(_ payload: PacketPayload) -> PacketPayload {
            switch payload {
            case .configuration(let bytes): .configuration(damaged(bytes))
            case .frame(let bytes): .frame(damaged(bytes))
            case .end: .end
            }
        }
        for _ in 0..<Search.rounds(60) {
            let packaged = package(packets) { packet, _ in
                guard random(12) == 0 else { return packet }
                switch packet {
                case .video(var packet, let isKey):
                    packet.payload = damaged(packet.payload)
                    if random(3) == 0 { packet.timestampMilliseconds = UInt32(truncatingIfNeeded: seed >> 20) }
                    if random(3) == 0 { packet.compositionOffsetMilliseconds = Int32(truncatingIfNeeded: seed >> 9) }
                    if random(9) == 0 { packet.codec = [.h264, .hevc, .av1][random(3)] }
                    return random(9) == 0 ? nil : .video(packet, isKey: isKey)
                case .audio(var packet):
                    packet.payload = damaged(packet.payload)
                    if random(3) == 0 { packet.timestampMilliseconds = UInt32(truncatingIfNeeded: seed >> 20) }
                    if random(9) == 0 { packet.codec = random(2) == 0 ? .aac : .opus }
                    return .audio(packet)
                }
            }
            for kind in [MediaKind.video, .audio] {
                let sequences = packaged.segments(kind).map(\.sequence)
                #expect(zip(sequences, sequences.dropFirst()).allSatisfy { $0 < $1 })
            }
        }
    }

    @Test func damagedConfigurationsAreErrors() {
        var seed: UInt64 = 3
        for count in 0..<400 {
            let bytes = (0..<count % 90).map { _ -> UInt8 in
                seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return UInt8(truncatingIfNeeded: seed >> 40)
            }
            _ = try? H264Configuration([1] + bytes)
            _ = try? HEVCConfiguration(bytes)
            _ = try? AV1Configuration(bytes)
            _ = try? AudioConfiguration(audioSpecificConfig: bytes)
            _ = try? AudioConfiguration(opusHead: bytes)
        }
        #expect(throws: MediaError.truncatedConfiguration(codec: "H.264")) { try H264Configuration([1, 2]) }
    }
}
