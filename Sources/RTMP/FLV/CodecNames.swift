extension VideoTagCodec {
    /// As people write it: codec ids of FLV (annex E.4.3.1, with those that ffmpeg and others have added), FourCCs of Enhanced
    /// RTMP.
    package var name: String {
        switch self {
        case .h264: "H.264"
        case .hevc: "HEVC"
        case .av1: "AV1"
        case .other(let code): Self.names[code] ?? "codec \"\(code)\""
        }
    }

    private static let names = [
        "id 1": "JPEG", "id 2": "Sorenson H.263 (FLV1)", "id 3": "Screen Video", "id 4": "VP6",
        "id 5": "VP6 with alpha", "id 6": "Screen Video 2", "id 8": "H.263", "id 9": "MPEG-4 Part 2",
        "id 13": "AV1 without Enhanced RTMP", "id 14": "VVC", "vp08": "VP8", "vp09": "VP9", "vvc1": "VVC",
    ]
}

extension AudioTagCodec {
    /// As people write it: sound formats of FLV (annex E.4.2.1), FourCCs of Enhanced RTMP.
    package var name: String {
        switch self {
        case .aac: "AAC"
        case .opus: "Opus"
        case .other(let code): Self.names[code] ?? "codec \"\(code)\""
        }
    }

    private static let names = [
        "id 0": "PCM", "id 1": "ADPCM", "id 2": "MP3", "id 3": "PCM", "id 4": "Nellymoser", "id 5": "Nellymoser",
        "id 6": "Nellymoser", "id 7": "G.711 A-law", "id 8": "G.711 mu-law", "id 11": "Speex",
        "id 13": "Opus without Enhanced RTMP",
        "id 14": "MP3", ".mp3": "MP3", "ac-3": "AC-3", "ec-3": "E-AC-3", "fLaC": "FLAC",
    ]
}
