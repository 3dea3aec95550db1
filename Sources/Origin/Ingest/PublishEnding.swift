/// How a publish ended, as far as its channel's presentation cares.
package enum PublishEnd: String, Sendable {
    /// The publisher took its leave.
    case finished
    /// Its connection broke, fell silent, or was closed for a violation: it may come back.
    case lost
    /// Its media cannot be packaged any longer.
    case refused
    /// Nothing that it sent could be packaged: the presentation is as if it had not come.
    case unusable
    /// The origin gave its channel to another, or stops.
    case dismissed
}

/// How a publish ended, who ended it and why: what the log says.
struct PublishEnding {
    enum Actor: String { case publisher, connection, origin }

    let end: PublishEnd
    let actor: Actor
    let reason: String
}
