import CCrypto

/// Bytes that nobody can guess.
package enum SecureRandom {
    /// `count` random bytes from libcrypto's generator, which the system seeds.
    ///
    /// - Throws: `CryptographyError.refused` when the system has no randomness to give.
    package static func bytes(_ count: Int) throws(CryptographyError) -> [UInt8] {
        precondition(count >= 0, "a count of bytes is not negative")
        var bytes = [UInt8](repeating: 0, count: count)
        guard RAND_bytes(&bytes, Int32(clamping: count)) == 1, count <= Int(Int32.max) else {
            throw .refusal(to: "give random bytes")
        }
        return bytes
    }
}
