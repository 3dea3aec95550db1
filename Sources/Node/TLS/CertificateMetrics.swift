import Prometheus
import Wire

/// The metric families of a node's certificates. Their names are promises.
enum CertificateMetrics {
    static func write(_ identity: ServerIdentity, into text: inout ExpositionText) {
        text.family(
            "needletail_tls_certificate_not_after_seconds", .gauge,
            help: "When the certificate that is in force expires, in seconds since 1970.")
        for certificate in identity.certificates {
            text.sample(
                "needletail_tls_certificate_not_after_seconds", labels: [("certificate", certificate.path)],
                UInt64(clamping: certificate.notAfter))
        }
        let counters = identity.counters
        text.family("needletail_tls_renewals_total", .counter, help: "New certificate files, by what became of them.")
        text.sample("needletail_tls_renewals_total", labels: [("result", "renewed")], counters.renewed)
        text.sample("needletail_tls_renewals_total", labels: [("result", "refused")], counters.refused)
    }
}
