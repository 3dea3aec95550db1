/// A libcrypto object with the one call that frees it.
struct OwnedHandle: ~Copyable {
    let pointer: OpaquePointer
    private let free: (OpaquePointer) -> Void

    /// Takes ownership.
    ///
    /// - Throws: libcrypto's reason when it returned nothing; `operation` says what it was asked to do.
    init(
        _ pointer: OpaquePointer?, to operation: String, free: @escaping (OpaquePointer?) -> Void
    ) throws(CryptographyError) {
        guard let pointer else { throw .refusal(to: operation) }
        self.pointer = pointer
        self.free = free
    }

    deinit { free(pointer) }
}

/// Turns a return code that means failure into libcrypto's reason.
func require(_ succeeded: Bool, to operation: String) throws(CryptographyError) {
    guard succeeded else { throw .refusal(to: operation) }
}
