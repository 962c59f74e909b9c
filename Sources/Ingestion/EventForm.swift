internal import EventModel

/// What the way in makes of an event.
struct EventForm {
    var naming = EventNaming.own
    /// Its properties url, title and referrer may stand in `context.page` instead.
    var isPage = false
    /// Its traits may stand in `context.traits` instead.
    var hasTraits = false
    /// Its `type` says what `event` says where it is stored, and is not stored.
    var isTyped = false
}
