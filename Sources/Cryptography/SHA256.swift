import CCrypto

/// SHA-256 (FIPS 180-4).
package enum SHA256 {
    /// Length of a digest in bytes.
    package static let byteCount = 32

    /// The 32-byte digest of `message`.
    package static func digest(of message: UnsafeRawBufferPointer) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: byteCount) { out, count in
            var length: UInt32 = 0
            let done = EVP_Digest(message.baseAddress, message.count, out.baseAddress, &length, EVP_sha256(), nil)
            precondition(done == 1 && length == byteCount, "libcrypto's SHA-256 cannot fail on memory input")
            count = byteCount
        }
    }

    /// The 32-byte digest of `message`.
    package static func digest(of message: [UInt8]) -> [UInt8] {
        message.withUnsafeBytes { digest(of: $0) }
    }
}
