/// A value of a configuration's tree with the place where it was written.
struct ConfigurationNode: Equatable {
    enum Content: Equatable {
        /// No value: `key:`, `~` or `null`.
        case nothing
        case scalar(Scalar)
        case list([ConfigurationNode])
        case map([Entry])
    }

    /// A scalar's text and how it was written, which decides whether it may be a number or a truth value.
    struct Scalar: Equatable {
        enum Style: Equatable { case plain, quoted, flag }
        var text: String
        var style: Style
    }

    /// A key and its value, in the order of the file. A key may be here twice: that is the schema's error to tell.
    struct Entry: Equatable {
        var key: String
        var place: ConfigurationPlace
        var value: ConfigurationNode
    }

    var content: Content
    var place: ConfigurationPlace

    /// The content in words, for messages about the wrong type.
    var kindInWords: String {
        switch content {
        case .nothing: "empty"
        case .scalar(let scalar) where scalar.style == .quoted: "a quoted text"
        case .scalar: "a plain value"
        case .list: "a list"
        case .map: "a section of keys"
        }
    }
}
