import struct NIOCore.ByteBuffer

/// CMAF header of a track (ISO 23000-19, 7.3.1): one track, no samples, no edit list.
enum InitializationSegment {
    static let videoTimescale: UInt32 = 90_000
    private static let matrix: [UInt32] = [0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x4000_0000]

    static func video(_ configuration: VideoConfiguration) -> ByteBuffer {
        let (width, height) = configuration.codedSize
        return make(
            timescale: videoTimescale, handler: "vide", name: "video", display: configuration.displaySize,
            header: { $0.fullBox("vmhd", flags: 1) { $0.zeros(8) } },
            sample: { writer in
                let write = { (box: inout BoxWriter) in
                    box.zeros(6)
                    box.u16(1)
                    box.zeros(16)
                    box.u16(UInt16(clamping: width))
                    box.u16(UInt16(clamping: height))
                    box.u32(0x48_0000)
                    box.u32(0x48_0000)
                    box.zeros(4)
                    box.u16(1)
                    box.zeros(32)
                    box.u16(24)
                    box.u16(0xffff)
                    writeVideoConfiguration(configuration, to: &box)
                }
                switch configuration {
                case .h264: writer.box("avc1", write)
                case .hevc: writer.box("hvc1", write)
                case .av1: writer.box("av01", write)
                }
            })
    }

    private static func writeVideoConfiguration(_ configuration: VideoConfiguration, to box: inout BoxWriter) {
        switch configuration {
        case .h264(let h264): box.box("avcC") { $0.bytes(h264.record) }
        case .hevc(let hevc): box.box("hvcC") { $0.bytes(hevc.record) }
        case .av1(let av1): box.box("av1C") { $0.bytes(av1.record) }
        }
        if let colour = configuration.colour {
            // ISO 14496-12, 12.1.5.
            box.box("colr") {
                $0.text("nclx")
                $0.u16(UInt16(colour.primaries))
                $0.u16(UInt16(colour.transfer))
                $0.u16(UInt16(colour.matrix))
                $0.u8(colour.isFullRange ? 0x80 : 0)
            }
        }
        if let aspect = configuration.pixelAspect {
            box.box("pasp") {
                $0.u32(aspect.width)
                $0.u32(aspect.height)
            }
        }
    }

    static func audio(_ configuration: AudioConfiguration) -> ByteBuffer {
        make(
            timescale: UInt32(clamping: configuration.sampleRate), handler: "soun", name: "audio", display: (0, 0),
            header: { $0.fullBox("smhd") { $0.zeros(4) } },
            sample: { writer in
                let write = { (box: inout BoxWriter) in
                    box.zeros(6)
                    box.u16(1)
                    box.zeros(8)
                    box.u16(UInt16(clamping: configuration.channels))
                    box.u16(16)
                    box.zeros(4)
                    // 16.16 holds rates below 65,536; the timescale tells the others.
                    box.u32(configuration.sampleRate < 65_536 ? UInt32(configuration.sampleRate) << 16 : 0)
                    switch configuration.kind {
                    case .aac(let specific): writeElementaryStream(specific, to: &box)
                    case .opus(let head): writeOpus(head, to: &box)
                    }
                }
                switch configuration.kind {
                case .aac: writer.box("mp4a", write)
                case .opus: writer.box("Opus", write)
                }
            })
    }

    /// ES_Descriptor (ISO 14496-1, 7.2.6.5) around the AudioSpecificConfig.
    private static func writeElementaryStream(_ specific: [UInt8], to box: inout BoxWriter) {
        box.fullBox("esds") { box in
            box.descriptor(3) { stream in
                // ES_ID is 0 in a file (ISO 14496-14, 3.1.2).
                stream.u16(0)
                stream.u8(0)
                stream.descriptor(4) { decoder in
                    decoder.u8(0x40)
                    decoder.u8(0x15)
                    decoder.zeros(11)
                    decoder.descriptor(5) { $0.bytes(specific) }
                }
                // The stream is laid out as in a file (predefined 2).
                stream.descriptor(6) { $0.u8(2) }
            }
        }
    }

    /// OpusSpecificBox: the head of RFC 7845 in big-endian order (Opus in ISOBMFF, 4.3.2).
    private static func writeOpus(_ head: [UInt8], to box: inout BoxWriter) {
        box.box("dOps") { box in
            box.u8(0)
            box.u8(head[1])
            box.u16(UInt16(head[3]) << 8 | UInt16(head[2]))
            box.bytes([head[7], head[6], head[5], head[4]])
            box.bytes([head[9], head[8], head[10]])
            if head[10] != 0 { box.bytes(Array(head[11..<13 + Int(head[1])])) }
        }
    }

    private static func make(
        timescale: UInt32, handler: StaticString, name: StaticString, display: (width: Int, height: Int),
        header: (inout BoxWriter) -> Void, sample: (inout BoxWriter) -> Void
    ) -> ByteBuffer {
        var writer = BoxWriter(capacity: 1_024)
        writer.box("ftyp") {
            $0.text("iso6")
            $0.u32(0)
            $0.text("iso6cmfcmp41")
        }
        writer.box("moov") { moov in
            moov.fullBox("mvhd") {
                $0.zeros(8)
                $0.u32(timescale)
                $0.u32(0)
                $0.u32(0x10000)
                $0.u16(0x100)
                $0.zeros(10)
                for value in matrix { $0.u32(value) }
                $0.zeros(24)
                $0.u32(2)
            }
            moov.box("trak") { trak in
                trak.fullBox("tkhd", flags: 7) {
                    $0.zeros(8)
                    $0.u32(1)
                    $0.zeros(4 + 4 + 8 + 4)
                    $0.u16(display.width == 0 ? 0x100 : 0)
                    $0.zeros(2)
                    for value in matrix { $0.u32(value) }
                    $0.u32(UInt32(clamping: display.width) << 16)
                    $0.u32(UInt32(clamping: display.height) << 16)
                }
                trak.box("mdia") { mdia in
                    mdia.fullBox("mdhd") {
                        $0.zeros(8)
                        $0.u32(timescale)
                        $0.u32(0)
                        $0.u16(0x55c4)  // "und"
                        $0.u16(0)
                    }
                    mdia.fullBox("hdlr") {
                        $0.zeros(4)
                        $0.text(handler)
                        $0.zeros(12)
                        $0.text(name)
                        $0.u8(0)
                    }
                    mdia.box("minf") { minf in
                        header(&minf)
                        minf.box("dinf") {
                            $0.fullBox("dref") {
                                $0.u32(1); $0.fullBox("url ", flags: 1) { _ in }
                            }
                        }
                        minf.box("stbl") { stbl in
                            stbl.fullBox("stsd") { stsd in
                                stsd.u32(1)
                                sample(&stsd)
                            }
                            stbl.fullBox("stts") { $0.u32(0) }
                            stbl.fullBox("stsc") { $0.u32(0) }
                            stbl.fullBox("stsz") { $0.zeros(8) }
                            stbl.fullBox("stco") { $0.u32(0) }
                        }
                    }
                }
            }
            moov.box("mvex") {
                $0.fullBox("trex") {
                    $0.u32(1)
                    $0.u32(1)
                    $0.zeros(12)
                }
            }
        }
        return writer.buffer
    }
}
