/// A key that a configuration knows, for tables of settings, suggestions and the tests of the samples.
package struct KeyDescription: Equatable, Sendable {
    /// Dotted path; `*` stands for a name of the operator's, such as a channel's, or an item of a list.
    package let path: String
    /// `a duration such as 200ms, 2s or 1m`.
    package let expectation: String
    /// Bounds or choices in words; nil when there are none.
    package let allowed: String?
    /// The value in force when the key is absent; nil when it is required or has none.
    package let standard: String?
}
