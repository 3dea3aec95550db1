/// A picture that carries the time at which it was made, in black and white blocks that survive encoding and scaling.
///
/// One row of 32 blocks at the top: 24 bits of milliseconds, the highest first, then their 8-bit sum. The rest moves, so that an
/// encoder has something to do.
struct StampedPicture {
    let width: Int
    let height: Int
    private var pixels: [UInt8]

    static let blocks = 32

    init(width: Int, height: Int) {
        self.width = width
        self.height = height
        // yuv420p: luma, then two quarter planes of chroma at grey.
        pixels = [UInt8](repeating: 128, count: width * height * 3 / 2)
    }

    /// Blocks are squares; their side in pixels.
    var block: Int { width / Self.blocks }

    /// Draws the picture of one moment and gives its planes.
    mutating func draw(milliseconds: Int64, frame: Int) -> [UInt8] {
        let stamp = UInt32(truncatingIfNeeded: milliseconds) & 0xFF_FFFF
        let sum = (stamp >> 16 & 255) + (stamp >> 8 & 255) + (stamp & 255)
        let bits = stamp << 8 | sum & 255
        let block = block
        pixels.withUnsafeMutableBufferPointer { pixels in
            for y in 0..<block {
                for index in 0..<Self.blocks {
                    let value: UInt8 = bits >> UInt32(31 - index) & 1 == 1 ? 235 : 16
                    let from = y * width + index * block
                    for x in from..<from + block { pixels[x] = value }
                }
            }
            // Diagonal bars that travel: cheap to draw, not free to encode.
            for y in block..<height {
                let row = y * width
                let shift = y &+ frame &* 4
                for x in 0..<width { pixels[row &+ x] = UInt8(truncatingIfNeeded: (x &+ shift) & 0xE0) }
            }
        }
        return pixels
    }

    /// JavaScript that reads the stamp from a video element: milliseconds modulo 2^24, or null when the sum is wrong.
    static let reader = """
        (video, context) => {
          context.drawImage(video, 0, 0, video.videoWidth, video.videoHeight / 4, 0, 0, 640, 90);
          const block = 640 / 32, y = Math.floor(video.videoWidth / 64 * 90 / (video.videoHeight / 4));
          const row = context.getImageData(0, y, 640, 1).data;
          let bits = 0n;
          for (let i = 0; i < 32; i += 1) {
            bits = bits << 1n | (row[4 * Math.floor(i * block + block / 2) + 1] > 127 ? 1n : 0n);
          }
          const stamp = Number(bits >> 8n), sum = Number(bits & 255n);
          return (((stamp >> 16) + (stamp >> 8 & 255) + (stamp & 255)) & 255) === sum ? stamp : null;
        }
        """
}
