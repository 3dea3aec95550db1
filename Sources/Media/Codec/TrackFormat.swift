/// What a playlist says of a track, read from its bitstream.
package struct TrackFormat: Sendable, Equatable, Codable {
    /// As in the CODECS attribute (RFC 6381).
    package var codecs: String
    /// Pixels as displayed, square.
    package var width: Int?
    package var height: Int?
    /// Frames a second.
    package var frameRate: Double?
    /// Hertz.
    package var sampleRate: Int?
    package var channels: Int?
    /// Nil where the bitstream does not say.
    package var videoRange: VideoRange?
    /// CEA-608 or 708 captions stand in its first frame; nil where it has not been seen.
    package var hasCaptions: Bool?

    package init(
        codecs: String, width: Int? = nil, height: Int? = nil, frameRate: Double? = nil, sampleRate: Int? = nil,
        channels: Int? = nil, videoRange: VideoRange? = nil, hasCaptions: Bool? = nil
    ) {
        self.codecs = codecs
        self.width = width
        self.height = height
        self.frameRate = frameRate
        self.sampleRate = sampleRate
        self.channels = channels
        self.videoRange = videoRange
        self.hasCaptions = hasCaptions
    }
}

/// How the frames of a video track follow each other: `ticks` of the 90 kHz clock, a fraction where the rate asks one.
package struct FrameDuration: Sendable, Equatable, Codable {
    package let numerator: Int64
    package let denominator: Int64

    /// Frames a second as a fraction, such as 30000/1001.
    package init?(rateNumerator: Int64, rateDenominator: Int64) {
        guard rateNumerator > 0, rateDenominator > 0, rateNumerator < 1 << 40, rateDenominator < 1 << 40 else {
            return nil
        }
        let rate = Double(rateNumerator) / Double(rateDenominator)
        guard rate >= 1, rate <= 300 else { return nil }
        numerator = 90_000 * rateDenominator
        denominator = rateNumerator
    }

    /// The nearest of the rates that cameras and encoders use, or the rate itself to a thousandth.
    package init?(near rate: Double) {
        guard rate.isFinite, rate >= 1, rate <= 300 else { return nil }
        let common: [(Int64, Int64)] = [
            (24_000, 1001), (24, 1), (25, 1), (30_000, 1001), (30, 1), (48, 1), (50, 1), (60_000, 1001), (60, 1),
            (100, 1), (120, 1), (15, 1), (10, 1), (20, 1), (12, 1),
        ]
        let nearest = common.min { abs(Self.rate($0) - rate) < abs(Self.rate($1) - rate) }
        if let nearest, abs(Self.rate(nearest) - rate) / rate < 0.0004 {
            self.init(rateNumerator: nearest.0, rateDenominator: nearest.1)
        } else {
            self.init(rateNumerator: Int64((rate * 1_000).rounded()), rateDenominator: 1_000)
        }
    }

    private static func rate(_ fraction: (Int64, Int64)) -> Double { Double(fraction.0) / Double(fraction.1) }

    /// Frames a second.
    package var rate: Double { 90_000 * Double(denominator) / Double(numerator) }
    /// 90 kHz ticks a frame.
    package var ticks: Double { Double(numerator) / Double(denominator) }
}

extension Collection<UInt8> {
    /// Hexadecimal digits, two a byte, as codec strings want them.
    func hexadecimal(uppercase: Bool = false) -> String {
        map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: uppercase) }.joined()
    }
}
