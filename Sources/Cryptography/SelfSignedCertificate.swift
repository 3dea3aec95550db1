import CCrypto

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A server certificate that vouches for itself, for one machine or a laboratory.
///
/// EC P-256 with SHA-256, version 3, usable by a server and by nobody as an authority (`CA:FALSE`): who trusts it trusts
/// this server alone. Clients trust it by taking the certificate as their only root.
package struct SelfSignedCertificate: Sendable, Equatable {
    /// The certificate, PEM.
    package let certificatePEM: String
    /// The private key, PKCS #8 in PEM, without a password. Write it to a file that only its owner may read.
    package let keyPEM: String

    /// Makes a key and a certificate for it.
    ///
    /// - Parameters:
    ///   - names: 1 to 100 DNS names (a first label of `*` is a wildcard) and IP addresses, each a subject alternative
    ///     name. The first is the common name too.
    ///   - days: How long it is valid, 1 to 3650.
    ///   - unixMicroseconds: Now. Validity begins an hour before, for clocks that are behind.
    /// - Throws: `CryptographyError` for a bad argument or libcrypto's refusal.
    package init(names: [String], days: Int, unixMicroseconds: Int64) throws(CryptographyError) {
        guard (1...100).contains(names.count), let first = names.first else {
            throw .invalidNameCount(names.count)
        }
        guard (1...3650).contains(days) else { throw .invalidValidity(days: days) }
        var alternatives: [String] = []
        for name in names { alternatives.append(try Self.alternativeName(name)) }

        let key = try Self.makeKey()
        let certificate = try OwnedHandle(X509_new(), to: "make a certificate", free: X509_free)
        try Self.fill(certificate.pointer, key: key.pointer, name: first)
        try Self.setValidity(certificate.pointer, from: unixMicroseconds / 1_000_000 - 3600, days: days)
        let extensions: [(Int32, String)] = [
            (NID_basic_constraints, "critical,CA:FALSE"),
            (NID_ext_key_usage, "serverAuth"),
            (NID_subject_alt_name, alternatives.joined(separator: ",")),
            (NID_subject_key_identifier, "hash"),
        ]
        for (identifier, value) in extensions { try Self.add(identifier, value, to: certificate.pointer) }
        try require(X509_sign(certificate.pointer, key.pointer, EVP_sha256()) > 0, to: "sign a certificate")

        certificatePEM = try Self.pem { PEM_write_bio_X509($0, certificate.pointer) }
        keyPEM = try Self.pem { PEM_write_bio_PKCS8PrivateKey($0, key.pointer, nil, nil, 0, nil, nil) }
    }

    // MARK: Parts of a certificate

    /// `DNS:name` or `IP:address`, as libcrypto's extension syntax has it. Strict, since a comma would begin another.
    private static func alternativeName(_ name: String) throws(CryptographyError) -> String {
        var four = in_addr()
        var six = in6_addr()
        if inet_pton(AF_INET, name, &four) == 1 || inet_pton(AF_INET6, name, &six) == 1 { return "IP:\(name)" }
        let labels = name.split(separator: ".", omittingEmptySubsequences: false)
        let isName =
            (1...253).contains(name.utf8.count)
            && labels.enumerated().allSatisfy { index, label in
                if index == 0, label == "*", labels.count > 2 { return true }
                return (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
                    && label.utf8.allSatisfy(isLetterDigitOrHyphen)
            }
        // A last label of digits alone is an IP address that is none.
        guard isName, labels.last?.utf8.allSatisfy({ (48...57).contains($0) }) == false else {
            throw .invalidName(name)
        }
        return "DNS:\(name)"
    }

    private static func isLetterDigitOrHyphen(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D: true
        default: false
        }
    }

    private static func makeKey() throws(CryptographyError) -> OwnedHandle {
        let operation = "make a key"
        let context = try OwnedHandle(
            EVP_PKEY_CTX_new_id(EVP_PKEY_EC, nil), to: operation, free: EVP_PKEY_CTX_free)
        try require(EVP_PKEY_keygen_init(context.pointer) > 0, to: operation)
        try require(
            EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context.pointer, NID_X9_62_prime256v1) > 0, to: operation)
        var key: OpaquePointer?
        let done = EVP_PKEY_keygen(context.pointer, &key)
        let owned = try OwnedHandle(key, to: operation, free: EVP_PKEY_free)
        try require(done > 0, to: operation)
        return owned
    }

    /// Version, serial number, names and public key.
    private static func fill(
        _ certificate: OpaquePointer, key: OpaquePointer, name: String
    ) throws(CryptographyError) {
        try require(X509_set_version(certificate, 2) == 1, to: "set a certificate's version")
        // RFC 5280, 4.1.2.2: a positive number of 20 octets at most that nobody can guess.
        let serial = try SecureRandom.bytes(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        try require(
            ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1 | 1) == 1,
            to: "set a certificate's serial number")
        // A common name has 64 characters at most; the alternative names are what clients read.
        let common = Array(name.utf8.prefix(64))
        let subject = X509_get_subject_name(certificate)
        try require(
            X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8, common, Int32(common.count), -1, 0) == 1,
            to: "set a certificate's name")
        try require(X509_set_issuer_name(certificate, subject) == 1, to: "set a certificate's issuer")
        try require(X509_set_pubkey(certificate, key) == 1, to: "set a certificate's key")
    }

    private static func setValidity(
        _ certificate: OpaquePointer, from unixSeconds: Int64, days: Int
    ) throws(CryptographyError) {
        let operation = "set a certificate's validity"
        let start = X509_getm_notBefore(certificate)
        let end = X509_getm_notAfter(certificate)
        // Validity counts from now, so that the hour before is a gift.
        let seconds = time_t(unixSeconds)
        try require(ASN1_TIME_adj(start, seconds, 0, 0) != nil, to: operation)
        try require(ASN1_TIME_adj(end, seconds, Int32(days), 3600) != nil, to: operation)
    }

    private static func add(
        _ identifier: Int32, _ value: String, to certificate: OpaquePointer
    ) throws(CryptographyError) {
        let operation = "make a certificate's extension \"\(value)\""
        var context = X509V3_CTX()
        X509V3_set_ctx(&context, certificate, certificate, nil, nil, 0)
        let made = try OwnedHandle(
            X509V3_EXT_conf_nid(nil, &context, identifier, value), to: operation, free: X509_EXTENSION_free)
        // libcrypto copies the extension.
        try require(X509_add_ext(certificate, made.pointer, -1) == 1, to: operation)
    }

    /// What `write` writes into memory.
    private static func pem(_ write: (OpaquePointer) -> Int32) throws(CryptographyError) -> String {
        let memory = try OwnedHandle(BIO_new(BIO_s_mem()), to: "make a memory buffer") { BIO_free($0) }
        try require(write(memory.pointer) == 1, to: "write PEM")
        var text: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while case let count = BIO_read(memory.pointer, &chunk, Int32(chunk.count)), count > 0 {
            text.append(contentsOf: chunk.prefix(Int(count)))
        }
        return String(decoding: text, as: UTF8.self)
    }
}
