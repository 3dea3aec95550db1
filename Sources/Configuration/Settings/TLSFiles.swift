/// A server's certificate chain and key, as paths of PEM files relative to the working directory.
package struct TLSFiles: Equatable, Sendable {
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
