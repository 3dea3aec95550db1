/// A server's certificate chains and keys, as paths of PEM files relative to the working directory.
package struct TLSFiles: Equatable, Sendable {
    package let certificate: String
    package let key: String

    /// Further certificates, for clients that ask for a name in one of them.
    package let certificates: [Pair]

    package struct Pair: Equatable, Sendable {
        package let certificate: String
        package let key: String

        package init(certificate: String, key: String) {
            self.certificate = certificate
            self.key = key
        }

        init(_ section: Section) {
            let files = section.decoding.files
            certificate =
                section.required(
                    "certificate", .path("the path of a PEM certificate chain", checkedBy: files), standIn: ""
                ).value
            key = section.required("key", .path("the path of a PEM private key", checkedBy: files), standIn: "").value
        }
    }

    package init(certificate: String, key: String, certificates: [Pair] = []) {
        self.certificate = certificate
        self.key = key
        self.certificates = certificates
    }

    /// All of them, the one for clients that ask for no name first.
    package var pairs: [Pair] { [Pair(certificate: certificate, key: key)] + certificates }

    init(_ section: Section) {
        let standard = Pair(section)
        (certificate, key) = (standard.certificate, standard.key)
        certificates = section.list("certificates", Pair.init) ?? []
    }
}
