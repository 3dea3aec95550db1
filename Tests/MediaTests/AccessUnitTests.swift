import NIOCore
import Seeded
import Testing

@testable import Media

/// Access units as encoders send them: with empty units, filler, start codes, sets of their own, recovery points.
@Suite struct AccessUnitTests {
    private static let small = CrookedPublisher.sps(width: 320, height: 176)
    private static let large = CrookedPublisher.sps(width: 640, height: 352)

    private func read(_ bytes: ByteBuffer, size: Int = 4, codec: VideoCodec = .h264) -> AccessUnit {
        bytes.withUnsafeReadableBytes { AccessUnit($0, codec: codec, lengthSize: size) }
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let units: [[UInt8]]
        let access: RandomAccess
        var hasPicture = true
        var mustRewrite = false
    }

    static let rows = [
        Row(testDescription: "an IDR", units: [Units.idr], access: .closed),
        Row(
            testDescription: "an IDR behind an empty unit", units: [[], Units.idr], access: .closed, mustRewrite: true),
        Row(
            testDescription: "an IDR behind a delimiter and sets",
            units: [Units.delimiter, small, Units.picture, Units.idr],
            access: .closed),
        Row(testDescription: "a predicted picture", units: [Units.predicted], access: .none),
        Row(testDescription: "filler", units: [Units.filler], access: .none, hasPicture: false, mustRewrite: true),
        Row(testDescription: "a delimiter alone", units: [Units.delimiter], access: .none, hasPicture: false),
        Row(testDescription: "sets alone", units: [small, Units.picture], access: .none, hasPicture: false),
        Row(testDescription: "a recovery point", units: [Units.recovery(0), Units.intra], access: .open),
        Row(
            testDescription: "a recovery point that is no I picture", units: [Units.recovery(0), Units.predicted],
            access: .gradual(frames: 0)),
        Row(
            testDescription: "a gradual refresh", units: [Units.recovery(29), Units.predicted],
            access: .gradual(frames: 29)),
    ]

    @Test(arguments: rows) func whatItHolds(row: Row) {
        for size in [2, 4] {
            let unit = read(Units.lengths(row.units, size: size), size: size)
            #expect(unit.framing == .lengths && unit.access == row.access && unit.hasPicture == row.hasPicture)
            #expect(unit.mustRewrite == row.mustRewrite)
        }
        // A byte stream holds the same; it has no empty units.
        let stream = read(Units.byteStream(row.units.filter { !$0.isEmpty }))
        #expect(stream.framing == .byteStream && stream.access == row.access && stream.hasPicture == row.hasPicture)
    }

    @Test func captionsAreFound() {
        #expect(read(Units.lengths([Units.captions, Units.idr])).hasCaptions)
        #expect(!read(Units.lengths([Units.recovery(0), Units.intra])).hasCaptions)
    }

    /// HEVC, table 7-1: which pictures decoding can start at.
    @Test func accessOfHEVCPictures() {
        for (type, access) in [
            (UInt8(1), RandomAccess.none), (9, .none), (16, .closed), (18, .closed), (19, .closed), (20, .closed),
            (21, .open),
        ] {
            let unit = read(Units.lengths([[type << 1, 1, 0x80, 0x80]]), codec: .hevc)
            #expect(unit.access == access && unit.hasPicture)
        }
        let set = read(Units.lengths([[34 << 1, 1, 0xc1, 0x62]]), codec: .hevc)
        #expect(set.hasParameterSets && !set.hasPicture)
    }

    @Test func whatIsStoredHasNoWasteAndNoStartCodes() {
        let wanted = [Units.delimiter, Units.idr]
        for (frame, framing) in [
            (Units.lengths([[], Units.delimiter, Units.filler, Units.idr, []]), AccessUnit.Framing.lengths),
            (Units.byteStream([Units.delimiter, Units.filler, Units.idr]), .byteStream),
        ] {
            for size in [2, 4] where size == 4 || framing == .byteStream {
                #expect(
                    AccessUnit.rewrite(frame, codec: .h264, lengthSize: size, framing: framing)
                        == Units.lengths(wanted, size: size))
            }
        }
        // A unit whose length cannot be said in one byte.
        let long = Units.byteStream([Units.idr + Array(repeating: 0x77, count: 300)])
        #expect(AccessUnit.rewrite(long, codec: .h264, lengthSize: 1, framing: .byteStream) == nil)
    }

    // MARK: A publish

    private func package(
        _ packets: [VideoPacket], configuration: PackagerConfiguration = PackagerConfiguration()
    ) -> Packaged {
        var packager = PublishPackager(configuration: configuration, start: PackagerStart(firstSequence: 0))
        packager.declare(hasVideo: true, hasAudio: false, frameRate: 25)
        var packaged = Packaged()
        for packet in packets {
            packager.video(
                packet, at: 1_800_000_000_000_000 + Int64(packet.timestampMilliseconds) * 1_000, into: &packaged.events)
        }
        packager.finish(into: &packaged.events)
        return packaged
    }

    /// Frames 40 ms apart, the units of each told by its number; `record` first, where there is one.
    private func publish(_ count: Int, record: ByteBuffer?, isByteStream: Bool = false, units: (Int) -> [[UInt8]])
        -> [VideoPacket]
    {
        var packets =
            record.map {
                [VideoPacket(codec: .h264, timestampMilliseconds: 0, payload: .configuration($0))]
            } ?? []
        for index in 0..<count {
            let frame = isByteStream ? Units.byteStream(units(index)) : Units.lengths(units(index))
            packets.append(
                VideoPacket(codec: .h264, timestampMilliseconds: UInt32(index * 40), payload: .frame(frame)))
        }
        return packets
    }

    private func frames(_ packaged: Packaged) -> Int { packaged.parts(.video).reduce(0) { $0 + $1.sampleCount } }

    @Test func newSetsAtAKeyFrameBeginAnew() throws {
        let packets = publish(150, record: Units.record(Self.small)) { index in
            guard index % 50 == 0 else { return [Units.predicted] }
            return [index < 100 ? Self.small : Self.large, Units.picture, Units.idr]
        }
        let packaged = package(packets)
        #expect(packaged.tracks(.video).map(\.format.width) == [320, 640])
        #expect(packaged.segments(.video).map(\.isDiscontinuity) == [false, false, true])
        #expect(frames(packaged) == 150)
        #expect(packaged.warnings == [.layoutChanged(kind: .video)])
    }

    /// Sets in a packet of their own wait for the key frame; those between key frames change nothing before the next.
    @Test func setsMayComeBeforeTheirKeyFrame() throws {
        let packets = publish(150, record: Units.record(Self.small)) { index in
            if index == 99 { return [Self.large, Units.picture] }
            return index % 50 == 0 ? [Units.idr] : [Units.predicted]
        }
        let packaged = package(packets)
        #expect(packaged.tracks(.video).map(\.format.width) == [320, 640])
        #expect(packaged.segments(.video).map(\.isDiscontinuity) == [false, false, true])
        #expect(frames(packaged) == 149)
    }

    @Test func anotherPictureSetIsKeptBesideTheFirst() throws {
        let second: [UInt8] = [0x68, 0x5b, 0x38, 0x80]
        let packets = publish(150, record: Units.record(Self.small)) { index in
            index % 50 == 0
                ? [Self.small, Units.picture] + (index == 0 ? [] : [second]) + [Units.idr] : [Units.predicted]
        }
        let packaged = package(packets)
        #expect(packaged.tracks(.video).count == 2)
        let last = try #require(packaged.tracks(.video).last)
        let bytes = Array(last.bytes.readableBytesView)
        for set in [Units.picture, second] {
            #expect(bytes.indices.contains { bytes[$0...].starts(with: set) })
        }
        #expect(packaged.segments(.video).map(\.isDiscontinuity) == [false, true, false])
    }

    /// Two sequences are known from the start: the picture goes from one to the other by its picture parameter set alone.
    @Test func aPictureMayChangeToAnotherKnownSequence() throws {
        // Sequence 1, 640x352, and picture parameter set 1, which belongs to it.
        var bits = BitWriter()
        for byte: UInt32 in [0x67, 66, 0xc0, 31] { bits.write(byte, 8) }
        func code(_ value: UInt32) {
            let length = 32 - (value + 1).leadingZeroBitCount
            bits.write(0, length - 1)
            bits.write(value + 1, length)
        }
        for value: UInt32 in [1, 0, 2, 1] { code(value) }
        bits.write(0, 1)
        for value: UInt32 in [39, 21] { code(value) }
        bits.write(0b11_0_0_1, 5)
        // ue(1) for its own number, ue(1) for its sequence's.
        let second: [UInt8] = [0x68, 0b010_010_11, 0x38, 0x80]
        var slice = BitWriter()
        slice.write(0x65, 8)
        slice.write(0b1_0001000_010_1, 12)
        let other = slice.bytes + [0x55, 0xaa]
        let packets = publish(150, record: Units.record(Self.small)) { index in
            switch index {
            case 0: [Self.small, bits.bytes, Units.picture, second, Units.idr]
            case 100: [other]
            default: [index % 50 == 0 ? Units.idr : Units.predicted]
            }
        }
        let packaged = package(packets)
        #expect(packaged.tracks(.video).map(\.format.width) == [320, 640])
        #expect(packaged.segments(.video).map(\.isDiscontinuity) == [false, false, true])
    }

    /// Three bytes of a start code may be a length of 256 to 511 bytes as well.
    @Test func aFrameWhoseLastLengthIsBrokenIsNoByteStream() {
        var frame = Units.lengths([Units.idr + [UInt8](repeating: 0x77, count: 290)])
        frame.writeBytes([0, 0, 9, 9, 0x41])
        let unit = read(frame)
        #expect(unit.framing == .broken && unit.access == .closed && unit.hasPicture)
    }

    @Test(arguments: [0, 1, 2]) func aByteStreamIsConverted(form: Int) throws {
        let set = form == 1 ? Units.byteStream([Self.small, Units.picture]) : Units.record(Self.small)
        // The third has no record at all: the key frame brings its sets.
        let packets = publish(100, record: form == 2 ? nil : set, isByteStream: true) { index in
            index % 50 == 0 ? [Self.small, Units.picture, Units.idr] : [Units.delimiter, Units.predicted]
        }
        let packaged = package(packets)
        #expect(frames(packaged) == 100 && packaged.warnings.isEmpty)
        #expect(packaged.tracks(.video).map(\.format.width) == [320])
        for sample in packaged.parts(.video).compactMap({ FragmentReader($0.bytes) }).flatMap(\.samples) {
            #expect(read(sample.bytes).framing == .lengths)
        }
    }

    @Test func emptyUnitsHideNoKeyFrame() {
        let packets = publish(100, record: Units.record(Self.small)) { index in
            [[], index % 50 == 0 ? Units.idr : Units.predicted, Units.filler]
        }
        let packaged = package(packets)
        #expect(frames(packaged) == 100 && packaged.warnings.isEmpty && packaged.segments(.video).count == 2)
        #expect(packaged.segments(.video).allSatisfy { $0.decodesAlone })
    }

    @Test func aLengthBeyondTheFrameIsSaidOnce() {
        var packets = publish(100, record: Units.record(Self.small)) { index in
            [index % 50 == 0 ? Units.idr : Units.predicted]
        }
        for index in [20, 30] {
            var broken = Units.lengths([Units.predicted])
            broken.writeBytes([0, 0, 9, 9, 0x41])
            packets[index].payload = .frame(broken)
        }
        let packaged = package(packets)
        #expect(frames(packaged) == 100 && packaged.warnings == [.brokenFrame])
    }

    /// An open group of pictures: its I picture begins a segment, whose first frames may need the one before.
    @Test func recoveryPointsBeginSegments() {
        let packets = publish(200, record: Units.record(Self.small)) { index in
            if index == 0 { return [Units.idr] }
            return index % 50 == 0 ? [Units.recovery(0), Units.intra] : [Units.predicted]
        }
        let packaged = package(packets)
        #expect(packaged.segments(.video).map(\.startsIndependent) == [true, true, true, true])
        #expect(packaged.segments(.video).map(\.decodesAlone) == [true, false, false, false])
        #expect(packaged.ends(.video) == [2, 2, 2, 2])
        #expect(packaged.parts(.video).count { $0.isIndependent } == 4)
        #expect(packaged.warnings.isEmpty)
    }

    @Test func aGradualRefreshIsNamed() throws {
        let packets = publish(400, record: Units.record(Self.small)) { index in
            if index == 0 { return [Units.idr] }
            return index % 25 == 0 ? [Units.recovery(24), Units.predicted] : [Units.predicted]
        }
        let told = try #require(package(packets).warnings.first)
        guard case .longGOP(_, .gradual(24)) = told else {
            Issue.record("\(told)")
            return
        }
        #expect(told.description.contains("intra refresh"))
        // Keyframes ten seconds apart are something else, and so is none at all.
        let apart = package(
            publish(600, record: Units.record(Self.small)) { [$0 % 250 == 0 ? Units.idr : Units.predicted] })
        #expect(apart.warnings.contains(.longGOP(seconds: 10, .interval)))
        let none = package(publish(400, record: Units.record(Self.small)) { [$0 == 0 ? Units.idr : Units.predicted] })
        #expect(none.warnings.allSatisfy { if case .longGOP(_, .noKeyFrame) = $0 { true } else { false } })
    }

    /// mfhd numbers rise by one from part to part, over segments too (ISO 14496-12, 8.8.5).
    @Test func fragmentsAreNumberedOneAfterAnother() {
        let packaged = package(
            publish(200, record: Units.record(Self.small)) { [$0 % 50 == 0 ? Units.idr : Units.predicted] })
        let numbers = packaged.parts(.video).map {
            $0.bytes.getInteger(at: $0.bytes.readerIndex + 20, as: UInt32.self) ?? 0
        }
        #expect(numbers.count > 20 && zip(numbers, numbers.dropFirst()).allSatisfy { $1 == $0 + 1 })
    }

    /// Seeded mutants of frames: nothing traps, and what is stored has whole units.
    @Test func mutantsOfFramesNeverTrap() {
        var random = SeededGenerator(seed: 20_261_130)
        let seeds = [
            Units.lengths([Units.captions, Self.small, Units.picture, Units.recovery(0), Units.intra]),
            Units.byteStream([Units.delimiter, Self.large, Units.picture, Units.captions, Units.idr]),
        ]
        for round in 0..<Search.rounds(3_000) {
            var bytes = Array(seeds[round % 2].readableBytesView)
            for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes[place] = [0, 1, 3, 255].randomElement(using: &random) ?? 0
                case 2: bytes.removeSubrange(place...)
                default: bytes.insert(0, at: place)
                }
            }
            for codec in [VideoCodec.h264, .hevc] {
                for size in [1, 2, 4] {
                    let frame = ByteBuffer(bytes: bytes)
                    let unit = read(frame, size: size, codec: codec)
                    _ = unit.access
                    let sets = frame.withUnsafeReadableBytes {
                        AccessUnit.parameterSets(of: $0, codec: codec, lengthSize: size, framing: unit.framing)
                    }
                    _ = try? VideoConfiguration(codec: codec, sets: ParameterSets(codec: codec, sets), lengthSize: size)
                    let stored = AccessUnit.rewrite(frame, codec: codec, lengthSize: size, framing: unit.framing)
                    if let stored { #expect(!read(stored, size: size, codec: codec).mustRewrite) }
                }
            }
        }
    }
}
