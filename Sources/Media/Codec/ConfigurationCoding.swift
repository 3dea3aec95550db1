/// A track's configuration as its record tells it, to be kept on a disk.
private struct RecordedConfiguration: Codable {
    let codec: String
    let record: [UInt8]
}

extension VideoConfiguration: Codable {
    init(from decoder: any Decoder) throws {
        let stored = try RecordedConfiguration(from: decoder)
        guard let codec = VideoCodec(rawValue: stored.codec) else {
            throw MediaError.invalidConfiguration(codec: stored.codec, reason: "it is not known here")
        }
        try self.init(codec: codec, record: stored.record)
    }

    func encode(to encoder: any Encoder) throws {
        try RecordedConfiguration(codec: codec.rawValue, record: record).encode(to: encoder)
    }
}

extension AudioConfiguration: Codable {
    package init(from decoder: any Decoder) throws {
        let stored = try RecordedConfiguration(from: decoder)
        guard let codec = AudioCodec(rawValue: stored.codec) else {
            throw MediaError.invalidConfiguration(codec: stored.codec, reason: "it is not known here")
        }
        try self.init(codec: codec, record: stored.record)
    }

    package func encode(to encoder: any Encoder) throws {
        try RecordedConfiguration(codec: codec.rawValue, record: record).encode(to: encoder)
    }
}
