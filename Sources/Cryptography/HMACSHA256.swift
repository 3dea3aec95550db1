import CCrypto

/// HMAC with SHA-256 (RFC 2104, FIPS 180-4), as the RTMP digest handshake and signed URLs use it.
package enum HMACSHA256 {
    /// Length of a code in bytes.
    package static let byteCount = 32

    /// The 32-byte authentication code of `message` under `key`.
    package static func code(key: UnsafeRawBufferPointer, message: UnsafeRawBufferPointer) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: byteCount) { out, count in
            var length: UInt32 = 0
            // HMAC reads no key byte when the length is 0, yet a nil key means "reuse": pass a real address.
            var none: UInt8 = 0
            let written = withUnsafePointer(to: &none) { empty in
                HMAC(
                    EVP_sha256(), key.baseAddress ?? UnsafeRawPointer(empty), Int32(clamping: key.count),
                    message.baseAddress?.assumingMemoryBound(to: UInt8.self) ?? empty, message.count,
                    out.baseAddress, &length)
            }
            precondition(written != nil && length == byteCount, "libcrypto's HMAC-SHA256 cannot fail on memory input")
            count = byteCount
        }
    }

    /// The 32-byte authentication code of `message` under `key`.
    package static func code(key: [UInt8], message: [UInt8]) -> [UInt8] {
        key.withUnsafeBytes { key in message.withUnsafeBytes { code(key: key, message: $0) } }
    }
}
