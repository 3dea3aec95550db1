import struct NIOCore.ByteBuffer

/// A multivariant playlist (4.4.6): the renditions of a presentation and what each needs.
package struct MultivariantPlaylist: Sendable, Equatable {
    package var variants: [Variant] = []
    package var audio: [AudioRendition] = []
    package var independentSegments = false

    package init() {}

    /// Appends the playlist's text.
    package func write(into buffer: inout ByteBuffer) {
        var text = PlaylistText()
        text.line("#EXTM3U")
        text.line("#EXT-X-VERSION:6")
        if independentSegments { text.line("#EXT-X-INDEPENDENT-SEGMENTS") }
        for rendition in audio {
            text.append("#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"\(rendition.group)\",NAME=\"\(rendition.name)\"")
            text.append(",DEFAULT=\(rendition.isDefault ? "YES" : "NO"),AUTOSELECT=YES")
            if let channels = rendition.channels { text.append(",CHANNELS=\"\(channels)\"") }
            text.line(",URI=\"\(rendition.uri)\"")
        }
        for variant in variants {
            text.append("#EXT-X-STREAM-INF:BANDWIDTH=\(variant.bandwidth)")
            text.append(",AVERAGE-BANDWIDTH=\(variant.averageBandwidth)")
            if !variant.codecs.isEmpty { text.append(",CODECS=\"\(variant.codecs.joined(separator: ","))\"") }
            if let width = variant.width, let height = variant.height { text.append(",RESOLUTION=\(width)x\(height)") }
            if let frameRate = variant.frameRate { text.append(",FRAME-RATE=\(Self.frameRate(frameRate))") }
            if let group = variant.audioGroup { text.append(",AUDIO=\"\(group)\"") }
            text.line("")
            text.line(variant.uri)
        }
        buffer.writeBytes(text.bytes)
    }

    /// Three decimals (4.4.6.2).
    private static func frameRate(_ rate: Double) -> String {
        let thousandths = Int((min(max(rate, 0), 1_000_000) * 1_000).rounded())
        let fraction = String(thousandths % 1_000)
        return "\(thousandths / 1_000)." + String(repeating: "0", count: 3 - fraction.utf8.count) + fraction
    }
}

/// EXT-X-STREAM-INF (4.4.6.2).
package struct Variant: Sendable, Equatable {
    /// Highest bits per second of any segment, all renditions together.
    package var bandwidth: Int
    /// Mean bits per second.
    package var averageBandwidth: Int
    package var codecs: [String]
    package var width: Int?
    package var height: Int?
    package var frameRate: Double?
    package var uri: String
    package var audioGroup: String?

    package init(
        bandwidth: Int, averageBandwidth: Int, codecs: [String], width: Int?, height: Int?, frameRate: Double?,
        uri: String, audioGroup: String?
    ) {
        self.bandwidth = bandwidth
        self.averageBandwidth = averageBandwidth
        self.codecs = codecs
        self.width = width
        self.height = height
        self.frameRate = frameRate
        self.uri = uri
        self.audioGroup = audioGroup
    }
}

/// EXT-X-MEDIA of type AUDIO (4.4.6.1).
package struct AudioRendition: Sendable, Equatable {
    package var group: String
    package var name: String
    package var uri: String
    package var channels: Int?
    package var isDefault: Bool

    package init(group: String, name: String, uri: String, channels: Int?, isDefault: Bool) {
        self.group = group
        self.name = name
        self.uri = uri
        self.channels = channels
        self.isDefault = isDefault
    }
}
