/// What `--version` says and the log begins with.
package enum ProductVersion {
    package static let text = "0.14.0"
}
