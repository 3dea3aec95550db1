import CFFmpeg
import NIOCore

/// Reads the packets of a media file in the order in which the file has them.
package final class MediaFileReader {
    private var context: UnsafeMutablePointer<AVFormatContext>?
    private var packet: UnsafeMutablePointer<AVPacket>?
    /// Everything that the file holds.
    package let tracks: [MediaTrack]

    /// Opens a file and reads as much of it as it takes to know its tracks.
    package init(path: String) throws(LibavError) {
        var opened: UnsafeMutablePointer<AVFormatContext>?
        try LibavError.check(avformat_open_input(&opened, path, nil, nil), "opening \(path)")
        do throws(LibavError) {
            try LibavError.check(avformat_find_stream_info(opened, nil), "reading the tracks of \(path)")
        } catch {
            avformat_close_input(&opened)
            throw error
        }
        context = opened
        packet = av_packet_alloc()
        var found: [MediaTrack] = []
        if let context = opened?.pointee {
            for index in 0..<Int(context.nb_streams) {
                guard let stream = context.streams[index] else { continue }
                found.append(Self.track(index, stream.pointee))
            }
        }
        tracks = found
    }

    deinit {
        av_packet_free(&packet)
        avformat_close_input(&context)
    }

    /// The next packet, or nil at the end of the file.
    package func next() throws(LibavError) -> MediaPacket? {
        guard let packet else {
            throw LibavError(operation: "allocating a packet", code: needletail_av_error_memory)
        }
        let code = av_read_frame(context, packet)
        if code == needletail_av_error_eof { return nil }
        try LibavError.check(code, "reading a packet")
        defer { av_packet_unref(packet) }
        let read = packet.pointee
        let bytes = UnsafeRawBufferPointer(start: read.data, count: Int(max(0, read.size)))
        let decodeTime = read.dts == needletail_av_no_time ? read.pts : read.dts
        return MediaPacket(
            track: Int(read.stream_index), decodeTime: decodeTime,
            presentationTime: read.pts == needletail_av_no_time ? decodeTime : read.pts, duration: read.duration,
            isKey: needletail_av_is_key(packet) != 0, bytes: ByteBuffer(bytes: bytes))
    }

    /// Goes back to the beginning.
    package func rewind() throws(LibavError) {
        try LibavError.check(av_seek_frame(context, -1, 0, AVSEEK_FLAG_BACKWARD), "rewinding")
    }

    private static func track(_ index: Int, _ stream: AVStream) -> MediaTrack {
        let parameters = stream.codecpar.pointee
        let codec: MediaTrack.Codec =
            switch parameters.codec_id {
            case AV_CODEC_ID_H264: .h264
            case AV_CODEC_ID_HEVC: .hevc
            case AV_CODEC_ID_AV1: .av1
            case AV_CODEC_ID_AAC: .aac
            case AV_CODEC_ID_OPUS: .opus
            default: .other(String(cString: avcodec_get_name(parameters.codec_id)))
            }
        let kind: MediaTrack.Kind =
            switch parameters.codec_type {
            case AVMEDIA_TYPE_VIDEO: .video
            case AVMEDIA_TYPE_AUDIO: .audio
            default: .other
            }
        let configuration = UnsafeRawBufferPointer(
            start: parameters.extradata, count: Int(max(0, parameters.extradata_size)))
        return MediaTrack(
            index: index, kind: kind, codec: codec, timeBase: (stream.time_base.num, stream.time_base.den),
            configuration: ByteBuffer(bytes: configuration), width: Int(parameters.width),
            height: Int(parameters.height), sampleRate: Int(parameters.sample_rate),
            channels: Int(needletail_av_channels(stream.codecpar)))
    }
}
