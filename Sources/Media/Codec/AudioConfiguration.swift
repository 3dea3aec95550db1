/// What an audio track's configuration says, and the sample description that a player needs.
package struct AudioConfiguration: Sendable, Equatable {
    enum Kind: Sendable, Equatable { case aac(specific: [UInt8]), opus(head: [UInt8]) }

    let kind: Kind
    let format: TrackFormat
    /// Timescale of the track in hertz.
    let sampleRate: Int
    /// As they are heard.
    let channels: Int
    /// As they are coded: one, where parametric stereo makes two of it.
    let coreChannels: Int
    /// Samples in one frame; Opus frames tell their own.
    let samplesPerFrame: Int

    /// An AudioSpecificConfig (ISO 14496-3, 1.6.2.1).
    init(audioSpecificConfig bytes: [UInt8]) throws(MediaError) {
        guard bytes.count >= 2 else { throw .truncatedConfiguration(codec: "AAC") }
        guard bytes.count <= 64 else { throw .invalidConfiguration(codec: "AAC", reason: "it is over 64 bytes long") }
        var bits = BitReader(bytes)
        guard var type = Self.objectType(&bits), var rate = Self.frequency(&bits), let layout = bits.read(4) else {
            throw .truncatedConfiguration(codec: "AAC")
        }
        let coreRate = rate
        var spectral = SpectralExtension.none
        if type == 5 || type == 29 {
            // Explicit SBR: the output rate stands here, the core's own type follows.
            guard let output = Self.frequency(&bits), let core = Self.objectType(&bits) else {
                throw .truncatedConfiguration(codec: "AAC")
            }
            spectral = type == 5 ? .replication : .parametricStereo
            rate = output
            type = core
        }
        guard type == 2 || type == 1 || type == 4 else {
            throw .unsupportedAudio(reason: "AAC object type \(type) is not supported; use AAC-LC")
        }
        guard let isShort = bits.flag() else { throw .truncatedConfiguration(codec: "AAC") }
        let counts: [UInt32: Int] = [1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 8]
        guard let channels = counts[layout] else {
            throw .unsupportedAudio(reason: "AAC channel configuration \(layout) is not supported")
        }
        if spectral == .none, type == 2, let found = Self.extension(behind: &bits) { (spectral, rate) = found }
        guard (7_350...192_000).contains(rate) else {
            throw .unsupportedAudio(reason: "a sample rate of \(rate) Hz is out of range")
        }
        let core = isShort ? 960 : 1_024
        kind = .aac(specific: bytes)
        sampleRate = rate
        // Parametric stereo makes two of one.
        self.channels = spectral == .parametricStereo && channels == 1 ? 2 : channels
        coreChannels = channels
        // Replication doubles the rate, or keeps it.
        samplesPerFrame = rate > coreRate ? core * 2 : core
        let named = spectral == .none ? Int(type) : spectral.objectType
        format = TrackFormat(codecs: "mp4a.40.\(named)", sampleRate: rate, channels: self.channels)
    }

    /// What makes HE-AAC of AAC (ISO 14496-3, 1.6.5).
    private enum SpectralExtension {
        case none
        /// HE-AAC.
        case replication
        /// HE-AAC v2.
        case parametricStereo

        var objectType: Int { self == .parametricStereo ? 29 : 5 }
    }

    /// The extension that stands behind an AAC-LC configuration, where players of AAC-LC do not look (ISO 14496-3, 1.6.2.1 and
    /// 1.6.5.2), and its output rate. Nil where there is none.
    private static func `extension`(behind bits: inout BitReader) -> (SpectralExtension, rate: Int)? {
        // dependsOnCoreCoder and extensionFlag; nobody uses them with AAC-LC.
        guard bits.flag() == false, bits.flag() == false, bits.bitsLeft >= 16, bits.read(11) == 0x2b7,
            objectType(&bits) == 5, bits.flag() == true, let rate = frequency(&bits)
        else { return nil }
        guard bits.bitsLeft >= 12, bits.read(11) == 0x548, bits.flag() == true else { return (.replication, rate) }
        return (.parametricStereo, rate)
    }

    /// An Opus identification header (RFC 7845, 5.1), with its magic or without.
    init(opusHead bytes: [UInt8]) throws(MediaError) {
        let magic = Array("OpusHead".utf8)
        let head = bytes.starts(with: magic) ? Array(bytes.dropFirst(magic.count)) : bytes
        guard head.count >= 11 else { throw .truncatedConfiguration(codec: "Opus") }
        guard head[1] > 0, head[1] <= 8, head[10] == 0 || head.count >= 13 + Int(head[1]), head.count <= 64 else {
            throw .invalidConfiguration(codec: "Opus", reason: "its channel mapping is malformed")
        }
        kind = .opus(head: head)
        sampleRate = 48_000
        channels = Int(head[1])
        coreChannels = channels
        samplesPerFrame = 960
        format = TrackFormat(codecs: "opus", sampleRate: 48_000, channels: channels)
    }

    var codec: AudioCodec { if case .aac = kind { .aac } else { .opus } }

    /// Its record as it came, an Opus head without its magic.
    var record: [UInt8] {
        switch kind {
        case .aac(let specific): specific
        case .opus(let head): head
        }
    }

    init(codec: AudioCodec, record: [UInt8]) throws(MediaError) {
        switch codec {
        case .aac: try self.init(audioSpecificConfig: record)
        case .opus: try self.init(opusHead: record)
        }
    }

    /// Samples in this frame.
    func sampleCount(of frame: some Collection<UInt8>) -> Int {
        guard case .opus = kind else { return samplesPerFrame }
        return Self.opusSamples(frame) ?? samplesPerFrame
    }

    /// Duration of an Opus packet at 48 kHz from its table of contents (RFC 6716, 3.1).
    private static func opusSamples(_ packet: some Collection<UInt8>) -> Int? {
        guard let toc = packet.first else { return nil }
        let configuration = Int(toc >> 3)
        let frame: Int
        switch configuration {
        case 0..<12: frame = [480, 960, 1_920, 2_880][configuration & 3]
        case 12..<16: frame = configuration & 1 == 0 ? 480 : 960
        default: frame = [120, 240, 480, 960][configuration & 3]
        }
        let count: Int
        switch toc & 3 {
        case 0: count = 1
        case 1, 2: count = 2
        default:
            guard let second = packet.dropFirst().first, second & 63 > 0 else { return nil }
            count = Int(second & 63)
        }
        return frame * count <= 5_760 ? frame * count : nil
    }

    private static func objectType(_ bits: inout BitReader) -> UInt32? {
        guard let type = bits.read(5) else { return nil }
        return type == 31 ? bits.read(6).map { $0 + 32 } : type
    }

    private static func frequency(_ bits: inout BitReader) -> Int? {
        guard let index = bits.read(4) else { return nil }
        if index == 15 { return bits.read(24).map(Int.init) }
        let rates = [
            96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
        ]
        return rates.indices.contains(Int(index)) ? rates[Int(index)] : nil
    }
}
