import CCrypto

/// Comparison whose time tells nothing of where two secrets differ.
package enum ConstantTime {
    /// True when both hold the same bytes. Only a difference of lengths shows in the time it takes.
    package static func areEqual(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Bool {
        guard a.count == b.count else { return false }
        guard let first = a.baseAddress, let second = b.baseAddress else { return true }
        return CRYPTO_memcmp(first, second, a.count) == 0
    }

    /// True when both hold the same bytes. Only a difference of lengths shows in the time it takes.
    package static func areEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool {
        a.withUnsafeBytes { a in b.withUnsafeBytes { areEqual(a, $0) } }
    }
}
