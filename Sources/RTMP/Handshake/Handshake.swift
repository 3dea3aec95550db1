import Cryptography
import struct NIOCore.ByteBuffer

/// The server's half of the handshake: simple where the client's version is zero, with digests where the client has one.
struct Handshake {
    static let blockBytes = 1_536
    private enum State { case awaitingC0C1, awaitingC2 }
    private var state = State.awaitingC0C1
    private var random: SplitMix

    init(seed: UInt64) { random = SplitMix(state: seed) }

    /// Takes bytes from `input` as they come. Returns true once C2 has been passed; `output` gets S0, S1 and S2.
    mutating func advance(_ input: inout ByteBuffer, output: inout ByteBuffer) throws(CloseReason) -> Bool {
        if case .awaitingC0C1 = state {
            if let version = input.getInteger(at: input.readerIndex, as: UInt8.self), version != 3 {
                throw .unsupportedVersion(version)
            }
            guard input.readableBytes >= 1 + Self.blockBytes, input.readInteger(as: UInt8.self) != nil,
                let c1 = input.readBytes(length: Self.blockBytes)
            else { return false }
            answer(c1, output: &output)
            state = .awaitingC2
        }
        // Any C2 will do: clients fill it as they like.
        guard input.readSlice(length: Self.blockBytes) != nil else { return false }
        return true
    }

    private mutating func answer(_ c1: [UInt8], output: inout ByteBuffer) {
        output.writeInteger(UInt8(3))
        var s1 = [0, 0, 0, 0, 0, 0, 0, 0] + randomBytes(Self.blockBytes - 8)
        let isVersioned = c1[4..<8].contains { $0 != 0 }
        guard isVersioned, let found = HandshakeDigest.find(in: c1) else {
            output.writeBytes(s1)
            output.writeBytes(c1)
            return
        }
        // A version of zero would tell the client that we know no digests.
        s1.replaceSubrange(4..<8, with: [4, 5, 0, 1])
        HandshakeDigest.sign(&s1, scheme: found.scheme)
        var s2 = randomBytes(Self.blockBytes)
        let key = HMACSHA256.code(key: HandshakeDigest.serverKey, message: found.digest)
        s2.replaceSubrange(
            (Self.blockBytes - 32)..., with: HMACSHA256.code(key: key, message: Array(s2.dropLast(32))))
        output.writeBytes(s1)
        output.writeBytes(s2)
    }

    private mutating func randomBytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next() >> 24) }
    }
}

/// Where the digest of a handshake block lies and how it is made (Adobe's RTMP digest, as Flash Media Server 3 has it).
enum HandshakeDigest {
    enum Scheme: CaseIterable { case afterVersion, afterKey }

    static let clientKey = Array("Genuine Adobe Flash Player 001".utf8)
    private static let signingKey = Array("Genuine Adobe Flash Media Server 001".utf8)
    static let serverKey =
        signingKey + [
            0xF0, 0xEE, 0xC2, 0x4A, 0x80, 0x68, 0xBE, 0xE8, 0x2E, 0x00, 0xD0, 0xD1, 0x02, 0x9E, 0x7E, 0x57,
            0x6E, 0xEC, 0x5D, 0x2D, 0x29, 0x80, 0x6F, 0xAB, 0x93, 0xB8, 0xE6, 0x36, 0xCF, 0xEB, 0x31, 0xAE,
        ]

    /// The client's digest and where it stands, or nil when neither place holds a true one.
    static func find(in block: [UInt8]) -> (scheme: Scheme, digest: [UInt8])? {
        for scheme in Scheme.allCases {
            let offset = offset(in: block, scheme)
            let digest = Array(block[offset..<offset + 32])
            if HMACSHA256.code(key: clientKey, message: without(offset, block)) == digest { return (scheme, digest) }
        }
        return nil
    }

    static func sign(_ block: inout [UInt8], scheme: Scheme) {
        let offset = offset(in: block, scheme)
        let digest = HMACSHA256.code(key: signingKey, message: without(offset, block))
        block.replaceSubrange(offset..<offset + 32, with: digest)
    }

    private static func offset(in block: [UInt8], _ scheme: Scheme) -> Int {
        let start = scheme == .afterVersion ? 8 : 772
        let sum = block[start..<start + 4].reduce(0) { $0 + Int($1) }
        return start + 4 + sum % 728
    }

    private static func without(_ offset: Int, _ block: [UInt8]) -> [UInt8] {
        Array(block[..<offset] + block[(offset + 32)...])
    }
}

/// A small generator for bytes that need not be secret.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
